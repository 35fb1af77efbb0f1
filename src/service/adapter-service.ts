import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ModuleKind } from '../adapter/adapter.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../adapter/file-names.ts';
import type { AdapterFile, AdapterRecord } from '../contract/adapter.ts';
import { AppError } from '../errors.ts';
import { MAX_CONFIG_BYTES } from '../formats/peft/limits.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { summarise } from '../formats/summary.ts';
import { HeaderGate } from '../safetensors/header-gate.ts';
import type { BlobStore, ByteRange } from '../storage/blob-store.ts';
import { adapterIdOf, adapterKey, blobKey, isAdapterId } from './layout.ts';

/** For those who receive the files, which know this layer and not the formats. */
export { CONFIG_FILE, MAX_CONFIG_BYTES, WEIGHTS_FILE };

/** A finished file in a scratch folder of the store, with what was found out while it was written. */
export interface IncomingFile {
  readonly name: string;
  readonly path: string;
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Where a result comes from; null for uploads. */
export interface Lineage {
  /** The adapter it was made from, when it is one. */
  readonly parentId: string | null;
  readonly jobId: string;
}

/** What an upload feeds the weights to while they arrive; HeaderGate is one. */
export interface WeightsGate {
  push(chunk: Uint8Array): void;
  finish(totalBytes: number): unknown;
}

export interface ModuleSummary {
  readonly name: string;
  readonly kind: ModuleKind;
  /** [m, n] of ΔW. */
  readonly shape: [number, number];
  readonly rank: number;
  readonly scale: number;
}

/** Adapters in the storage: content-addressed blobs and one manifest each, which is written last. */
export class AdapterService {
  private readonly store: BlobStore;

  constructor(store: BlobStore) {
    this.store = store;
  }

  /** A fresh gate that refuses weights by their header while they arrive. */
  openGate(): WeightsGate {
    return new HeaderGate();
  }

  /**
   * Makes files an adapter. They are parsed first, so nothing that cannot be read is ever registered. Where the same
   * content is here already its record is returned unchanged: the first writer wins. Files taken into the storage
   * are gone from their paths; the caller removes the folder with the rest.
   * @throws AppError FILE_MISSING, whatever the format's reader finds (ST_*, CONFIG_*, LORA_*, …), STORAGE_*
   */
  async register(
    files: readonly IncomingFile[],
    lineage: Lineage | null,
  ): Promise<{ record: AdapterRecord; created: boolean }> {
    const id = adapterIdOf(files);
    const known = await this.find(id);
    if (known) return { record: known, created: false };

    const record = await describe(id, files, lineage);
    for (const file of files) await this.keep(file);
    const created = await this.store.create(adapterKey(id), Buffer.from(JSON.stringify(record)));
    return created ? { record, created } : { record: await this.get(id), created };
  }

  /** @throws AppError ADAPTER_NOT_FOUND, STORAGE_* */
  async get(id: string): Promise<AdapterRecord> {
    const record = isAdapterId(id) ? await this.find(id) : undefined;
    if (!record)
      throw new AppError('ADAPTER_NOT_FOUND', `There is no adapter ${JSON.stringify(id)}.`, { id });
    return record;
  }

  /**
   * What a job needs of an adapter: a local file of its weights, only to be read, and its configuration.
   * @throws AppError ADAPTER_NOT_FOUND, STORAGE_*
   */
  async source(id: string): Promise<{ record: AdapterRecord; weightsPath: string; configBytes: Uint8Array }> {
    const record = await this.get(id);
    const weightsPath = await this.store.localFile(blobKey(fileOf(record, WEIGHTS_FILE).sha256));
    const configBytes = await this.store.get(blobKey(fileOf(record, CONFIG_FILE).sha256));
    if (!configBytes)
      throw new AppError('STORAGE_FAILED', `The storage lost a file of adapter ${id}.`, { id });
    return { record, weightsPath, configBytes };
  }

  /**
   * A stream of one file, or of a range of it that lies inside. `bytes` and `sha256` are of the whole file.
   * @throws AppError ADAPTER_NOT_FOUND, FILE_NOT_FOUND, STORAGE_*
   */
  async readFile(
    id: string,
    name: string,
    range?: ByteRange,
  ): Promise<{ stream: Readable; bytes: number; sha256: string }> {
    const { bytes, sha256 } = fileOf(await this.get(id), name);
    return { stream: await this.store.read(blobKey(sha256), range), bytes, sha256 };
  }

  /**
   * The LoRA pairs of an adapter, in name order.
   * @throws AppError ADAPTER_NOT_FOUND, STORAGE_*
   */
  async modules(id: string): Promise<ModuleSummary[]> {
    const { weightsPath, configBytes } = await this.source(id);
    const { adapter } = await readAdapter(weightsPath, configBytes);
    return adapter.modules.map(({ name, kind, m, n, rank, scale }) => ({
      name,
      kind,
      shape: [m, n],
      rank,
      scale,
    }));
  }

  private async find(id: string): Promise<AdapterRecord | undefined> {
    const manifest = await this.store.get(adapterKey(id));
    return manifest && (JSON.parse(Buffer.from(manifest).toString('utf8')) as AdapterRecord);
  }

  private async keep({ sha256, path, bytes }: IncomingFile): Promise<void> {
    const key = blobKey(sha256);
    if ((await this.store.stat(key))?.bytes !== bytes) await this.store.putFile(key, path);
  }
}

/** The file of that name in an adapter's record. @throws AppError FILE_NOT_FOUND */
export function fileOf(record: AdapterRecord, name: string): AdapterFile {
  const file = record.files.find((candidate) => candidate.name === name);
  if (file) return file;
  const known = record.files.map((candidate) => candidate.name);
  throw new AppError(
    'FILE_NOT_FOUND',
    `Adapter ${record.id} has no file ${JSON.stringify(name)}; it has ${known.join(', ')}.`,
    { id: record.id, name, known },
  );
}

async function describe(
  id: string,
  files: readonly IncomingFile[],
  lineage: Lineage | null,
): Promise<AdapterRecord> {
  const weights = incoming(files, WEIGHTS_FILE);
  const configBytes = await readFile(incoming(files, CONFIG_FILE).path);
  const { adapter } = await readAdapter(weights.path, configBytes);
  return {
    id,
    sha256: weights.sha256,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    ...summarise(adapter),
    files: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    parent_id: lineage?.parentId ?? null,
    job_id: lineage?.jobId ?? null,
    created_at: new Date().toISOString(),
  };
}

function incoming(files: readonly IncomingFile[], name: string): IncomingFile {
  const file = files.find((candidate) => candidate.name === name);
  if (!file) throw new AppError('FILE_MISSING', `The adapter has no ${name}.`, { file: name });
  return file;
}
