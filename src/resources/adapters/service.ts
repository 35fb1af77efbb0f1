import type { Readable } from 'node:stream';
import type { ModuleKind } from '../../adapter/adapter.ts';
import type { IncomingFile } from '../../adapter/digested-file.ts';
import { roleOf } from '../../adapter/file-names.ts';
import type { StreamValidator } from '../../bytes/stream-validator.ts';
import type { AdapterRecord } from '../../contract/adapter.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database } from '../../database/database.ts';
import { isAdapterId, newAdapterId } from '../../database/ids.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { readAdapter } from '../../formats/read-adapter.ts';
import type { BlobStore, ByteRange } from '../../storage/blob-store.ts';
import { removeScratch } from '../../storage/scratch.ts';
import { type NewFile, type StoredFile, streamContent } from '../contents/content-files.ts';
import { Contents, type WrittenFiles } from '../contents/contents.ts';
import { nameOfBase, nameOfFile } from './default-name.ts';
import { describeAdapter, inRecordOrder } from './describe-adapter.ts';
import { fileOf, localFiles } from './files.ts';
import { type NewAdapter, usageOfNew } from './rows.ts';
import {
  type AdapterChanges,
  type AdapterFilter,
  AdapterStore,
  adapterExpired,
  adapterNotFound,
} from './store.ts';
import { WeightsValidator } from './weights-validator.ts';

/** The name of an adapter, how long it is kept, and what is known of it besides its files. */
export interface AdapterSettings {
  readonly name?: string;
  readonly labels?: Labels;
  readonly ttlSeconds?: number;
  /** That of the model card that came with it. */
  readonly license?: string;
}

export interface ModuleSummary {
  readonly name: string;
  readonly kind: ModuleKind;
  /** [m, n] of ΔW. */
  readonly shape: [number, number];
  readonly rank: number;
  readonly scale: number;
}

/** The default name of an adapter: that of the weights file in the request; undefined if it has none. */
function nameOfFiles(files: readonly IncomingFile[]): string | undefined {
  const sentAs = files.find(({ name }) => roleOf(name) === 'weights')?.sentAs;
  return sentAs === undefined ? undefined : nameOfFile(sentAs);
}

/** An adapter whose files have been written durably and which is not yet recorded. */
export interface PreparedAdapter {
  readonly adapter: NewAdapter;
  readonly written: WrittenFiles;
}

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const ADAPTER_ERRORS = {
  get: ['ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED', 'STORAGE_FAILED'],
  change: ['ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED', 'STORAGE_FULL'],
  remove: ['ADAPTER_NOT_FOUND', 'ADAPTER_IN_USE', 'STORAGE_FULL'],
  readFile: ['ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED', 'FILE_NOT_FOUND', 'STORAGE_FAILED'],
  modules: ['ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED', 'STORAGE_FAILED'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * The adapters of a tenant. Their records are in the database; their files are content, which is stored once for
 * equal files.
 */
export class AdapterService {
  private readonly blobs: BlobStore;
  private readonly contents: Contents;
  private readonly store: AdapterStore;
  private readonly defaultTtlSeconds: number | undefined;
  private readonly onRegistered: ((bytes: number) => void) | undefined;

  /**
   * @param defaultTtlSeconds how long adapters are kept unless a request specifies it; undefined: they do not expire
   * @param onRegistered called with the size of each registered adapter
   */
  constructor(
    database: Database,
    blobs: BlobStore,
    tenant: string,
    defaultTtlSeconds?: number,
    onRegistered?: (bytes: number) => void,
  ) {
    this.onRegistered = onRegistered;
    this.blobs = blobs;
    this.contents = new Contents(database, blobs);
    this.store = new AdapterStore(database, tenant);
    this.defaultTtlSeconds = defaultTtlSeconds;
  }

  /** A new validator that refuses weights by their header while they arrive. */
  newValidator(): StreamValidator {
    return new WeightsValidator();
  }

  /**
   * Registers files as an adapter with an id of its own, even if an equal adapter exists. The files are parsed first,
   * so unreadable files are never registered. Files that are moved into the storage disappear from their paths; the
   * caller removes the folder with the rest.
   * @param id if an adapter of these files already has this id, it is returned
   * @returns the record; `content_known` if the tenant had the same content before
   * @throws AppError FILE_MISSING, the errors of the format's reader (ST_*, CONFIG_*, LORA_*, …), STORAGE_*
   */
  async register(
    files: readonly IncomingFile[],
    settings: AdapterSettings = {},
    id: string = newAdapterId(Date.now()),
  ): Promise<AdapterRecord> {
    const before = (await this.store.find(id))?.record;
    if (before && files.some(({ sha256 }) => sha256 === before.sha256)) return before;
    const prepared = await this.prepare(files, settings);
    const ready = before ? prepared : { ...prepared, adapter: { ...prepared.adapter, id } };
    try {
      const isKnown = await this.store.isKnown(ready.adapter.description.digest);
      const record = await this.store.insert(ready.adapter, ready.written);
      this.onRegistered?.(usageOfNew([ready.adapter]).bytes);
      return { ...record, content_known: isKnown };
    } catch (error) {
      await this.contents.abandon(ready.written.writeId).catch(() => undefined);
      throw error;
    }
  }

  /**
   * The part of `register` before the adapter is recorded, for callers that record it together with other things.
   * @param others further contents to write with it
   * @throws AppError as `register`
   */
  async prepare(
    files: readonly IncomingFile[],
    settings: AdapterSettings = {},
    others: readonly NewFile[] = [],
  ): Promise<PreparedAdapter> {
    const description = await describeAdapter(files, settings.license);
    const paths = inRecordOrder(files);
    const named = description.files.map((file, index) => ({ ...file, path: paths[index]!.path }));
    const written = await this.contents.write([...named, ...others]);
    const id = newAdapterId(Date.now());
    const adapter = {
      id,
      description,
      name: settings.name ?? nameOfFiles(files) ?? nameOfBase(description.base_model),
      labels: settings.labels ?? {},
      ttlSeconds: settings.ttlSeconds ?? this.defaultTtlSeconds,
      parentId: null,
      jobId: null,
    };
    return { adapter, written };
  }

  /** The adapter with this id; undefined if there is none or it has expired. @throws AppError DATABASE_UNAVAILABLE */
  async find(id: string): Promise<AdapterRecord | undefined> {
    return (await this.findAll([id])).get(id);
  }

  /** The adapters that exist and have not expired, by their ids. @throws AppError DATABASE_UNAVAILABLE */
  async findAll(ids: readonly string[]): Promise<ReadonlyMap<string, AdapterRecord>> {
    const found = await this.store.findAll(ids);
    return new Map(
      [...found].flatMap(([id, { record, isExpired }]) => (isExpired ? [] : [[id, record] as const])),
    );
  }

  /**
   * Whether the tenant has an adapter with the same weights and configuration. @throws AppError DATABASE_UNAVAILABLE
   */
  isKnown(digest: string): Promise<boolean> {
    return this.store.isKnown(digest);
  }

  /** @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED, DATABASE_UNAVAILABLE */
  async get(id: string): Promise<AdapterRecord> {
    const found = await this.store.find(id);
    if (!found) throw adapterNotFound(id);
    if (found.isExpired) throw adapterExpired(id, Date.parse(found.record.expires_at!));
    return found.record;
  }

  /** The adapters that have not expired, the newest first. @throws AppError DATABASE_UNAVAILABLE */
  page(filter: AdapterFilter, request: PageRequest): Promise<Page<AdapterRecord>> {
    return this.store.page(filter, request);
  }

  /**
   * An adapter with the locations of its files.
   * @param evenExpired for jobs that were accepted before the adapter expired
   * @throws AppError as `get`
   */
  async stored(
    id: string,
    { evenExpired = false } = {},
  ): Promise<{ readonly record: AdapterRecord; readonly files: readonly StoredFile[] }> {
    const found = evenExpired ? await this.store.find(id) : undefined;
    const record = found?.record ?? (await this.get(id));
    const files = await this.store.files(record);
    if (files.length < record.files.length) throw adapterNotFound(id);
    return { record, files };
  }

  /**
   * Changes the name of an adapter, its labels, or how long it is kept.
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED, DATABASE_UNAVAILABLE, STORAGE_FULL
   */
  async change(id: string, changes: AdapterChanges): Promise<AdapterRecord> {
    await this.get(id);
    const changed = await this.store.change(id, changes);
    // The adapter was deleted or expired at this moment; `get` reports which.
    return changed ?? this.get(id);
  }

  /**
   * Removes an adapter, expired or not. Its files are removed later, when no record refers to their content.
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_IN_USE, DATABASE_UNAVAILABLE, STORAGE_FULL
   */
  async remove(id: string): Promise<void> {
    if (!isAdapterId(id) || !(await this.store.remove(id))) throw adapterNotFound(id);
  }

  /**
   * A stream of one file, or of a range inside it. `bytes` and `sha256` describe the whole file.
   * @throws AppError as `get`; FILE_NOT_FOUND, STORAGE_*
   */
  async readFile(
    id: string,
    name: string,
    range?: ByteRange,
  ): Promise<{ stream: Readable; bytes: number; sha256: string }> {
    const { record, files } = await this.stored(id);
    const { bytes, sha256 } = fileOf(record, name);
    const file = files.find((one) => one.name === name)!;
    return { stream: await streamContent(this.blobs, file, range), bytes, sha256 };
  }

  /**
   * The LoRA pairs of an adapter, in name order.
   * @throws AppError as `get`; STORAGE_*
   */
  async modules(id: string): Promise<ModuleSummary[]> {
    const { files } = await this.stored(id);
    const scratch = await this.blobs.makeScratch();
    try {
      const { adapter } = await readAdapter(await localFiles(this.blobs, files, scratch));
      return adapter.modules.map(({ name, kind, m, n, rank, scale }) => ({
        name,
        kind,
        shape: [m, n],
        rank,
        scale,
      }));
    } finally {
      await removeScratch(scratch);
    }
  }
}
