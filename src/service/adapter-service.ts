import type { Readable } from 'node:stream';
import type { ModuleKind } from '../adapter/adapter.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../adapter/file-names.ts';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { Labels } from '../contract/labels.ts';
import { AppError } from '../errors.ts';
import { MAX_CONFIG_BYTES } from '../formats/peft/limits.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import type { BlobStore, ByteRange } from '../storage/blob-store.ts';
import { fileOf, localFiles } from './adapter-files.ts';
import { type DescribedAdapter, describeAdapter } from './described-adapter.ts';
import { adapterIdOf, blobKey } from './layout.ts';
import type { AdapterUses } from './retention/adapter-uses.ts';
import { expiryAfter, hasExpired, type KeptFile, StoredAdapters } from './stored-adapters.ts';
import { AnyWeightsGate } from './uploads/weights-gate.ts';

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

/** What an adapter is called by, and how long it stays. */
export interface Keeping {
  readonly labels?: Labels;
  readonly ttlSeconds?: number;
}

/** What an upload feeds the weights to while they arrive. */
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

/** What a client may change of an adapter; what is left out stays. */
export interface AdapterChange {
  /** In place of all labels before. */
  readonly labels?: Labels | undefined;
  /** From now on; null: the adapter is kept. */
  readonly ttlSeconds?: number | null | undefined;
}

/** Adapters in the storage: content-addressed blobs and one manifest each, which is written last. */
export class AdapterService {
  private readonly store: BlobStore;
  private readonly stored: StoredAdapters;
  private readonly defaultTtlSeconds: number | undefined;

  /**
   * @param uses tells which adapters are read, so that they are not removed
   * @param defaultTtlSeconds how long adapters stay of which nobody says it; undefined: they are kept
   */
  constructor(store: BlobStore, uses: Pick<AdapterUses, 'of'>, defaultTtlSeconds?: number) {
    this.store = store;
    this.stored = new StoredAdapters(store, uses);
    this.defaultTtlSeconds = defaultTtlSeconds;
  }

  /** A fresh gate that refuses weights by their header while they arrive. */
  openGate(): WeightsGate {
    return new AnyWeightsGate();
  }

  /**
   * Makes files an adapter. They are parsed first, so nothing that cannot be read is ever registered. Where the same
   * content is here already its record is returned unchanged: the first writer wins, labels and expiry too. Only one
   * that has expired, and was not removed yet, is kept anew. Files taken into the storage are gone from their paths; the
   * caller removes the folder with the rest.
   * @throws AppError FILE_MISSING, whatever the format's reader finds (ST_*, CONFIG_*, LORA_*, …), STORAGE_*
   */
  async register(
    files: readonly IncomingFile[],
    lineage: Lineage | null,
    keeping: Keeping = {},
  ): Promise<{ record: AdapterRecord; created: boolean }> {
    const id = adapterIdOf(files);
    const known = await this.current(id, keeping);
    if (known) return { record: known, created: false };

    return this.keep(await describeAdapter(files), files, lineage, keeping);
  }

  /**
   * The same for files that are in the storage already (keepFile), which was a moment ago.
   * @throws AppError STORAGE_*
   */
  async adopt(described: DescribedAdapter, lineage: Lineage | null): Promise<AdapterRecord> {
    const known = await this.current(described.id, {});
    return known ?? (await this.keep(described, described.files, lineage, {})).record;
  }

  private async keep(
    described: DescribedAdapter,
    files: readonly KeptFile[],
    lineage: Lineage | null,
    keeping: Keeping,
  ): Promise<{ record: AdapterRecord; created: boolean }> {
    const origin = {
      parent_id: lineage?.parentId ?? null,
      job_id: lineage?.jobId ?? null,
      labels: keeping.labels ?? {},
      ttlSeconds: keeping.ttlSeconds ?? this.defaultTtlSeconds,
    };
    for (;;) {
      const created = await this.stored.create(described, files, origin);
      const record = await this.current(described.id, keeping);
      // Else somebody removed it in this moment.
      if (record) return { record, created };
    }
  }

  /** The adapter of an id, undefined when there is none. @throws AppError STORAGE_* */
  find(id: string): Promise<AdapterRecord | undefined> {
    return this.stored.find(id);
  }

  /**
   * @param settled for who has just made durable that he reads the adapter (by a job): whoever removes it at the same
   * time finds that, or has removed it before this answers
   * @throws AppError ADAPTER_NOT_FOUND, STORAGE_*
   */
  async get(id: string, { settled = false } = {}): Promise<AdapterRecord> {
    if (settled) await this.stored.settled(id);
    const record = await this.find(id);
    if (record) return record;
    throw notFound(id);
  }

  /**
   * Changes labels, or how long an adapter stays. Of two changes at the same time the one that is written last counts.
   * @throws AppError ADAPTER_NOT_FOUND, STORAGE_*
   */
  async change(id: string, { labels, ttlSeconds }: AdapterChange): Promise<AdapterRecord> {
    const record = await this.get(id);
    const changed = await this.stored.change(record, {
      labels: labels ?? record.labels,
      expires_at:
        ttlSeconds === undefined ? record.expires_at : expiryAfter(ttlSeconds ?? undefined, Date.now()),
    });
    if (changed) return changed;
    throw notFound(id);
  }

  /**
   * Removes an adapter. Its files are removed later, when nobody refers to their content.
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_IN_USE, STORAGE_*
   */
  async remove(id: string): Promise<void> {
    // Without a look first, anything could be announced as being removed.
    await this.get(id);
    if (!(await this.stored.remove(id))) throw notFound(id);
  }

  /**
   * Removes an adapter whose time is over, unless a job reads it.
   * @returns its bytes when it was removed
   * @throws AppError STORAGE_*
   */
  async removeExpired(id: string, nowMs: number): Promise<number | undefined> {
    try {
      return (await this.stored.remove(id, (record) => hasExpired(record, nowMs)))?.bytes;
    } catch (error) {
      if (error instanceof AppError && error.code === 'ADAPTER_IN_USE') return undefined;
      throw error;
    }
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
    const { adapter } = await readAdapter(await localFiles(this.store, await this.get(id)));
    return adapter.modules.map(({ name, kind, m, n, rank, scale }) => ({
      name,
      kind,
      shape: [m, n],
      rank,
      scale,
    }));
  }

  /** The adapter of an id; one that has expired is kept anew, as if it were uploaded for the first time. */
  private async current(id: string, keeping: Keeping): Promise<AdapterRecord | undefined> {
    const record = await this.find(id);
    const nowMs = Date.now();
    if (!record || !hasExpired(record, nowMs)) return record;
    return this.stored.change(record, {
      labels: keeping.labels ?? {},
      expires_at: expiryAfter(keeping.ttlSeconds ?? this.defaultTtlSeconds, nowMs),
    });
  }
}

const notFound = (id: string): AppError =>
  new AppError('ADAPTER_NOT_FOUND', `There is no adapter ${JSON.stringify(id)}.`, { id });
