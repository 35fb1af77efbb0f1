import type { AdapterRecord } from '../contract/adapter.ts';
import { AppError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { AdapterChanges, type Changeable, withChanges } from './adapter-changes.ts';
import type { DescribedAdapter } from './described-adapter.ts';
import { adapterKey, adapterRemovalKey, blobKey, isAdapterId, recentAdapterKey } from './layout.ts';
import type { AdapterUses } from './retention/adapter-uses.ts';
import { keepFile } from './retention/keep-blob.ts';
import { RemovalMark } from './retention/removal-mark.ts';
import { RemovedAdapters } from './usage/removed-adapters.ts';

/** A file to be taken in. */
export interface KeptFile {
  /** undefined: it is in the storage. */
  readonly path?: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Keeping all files of an adapter again takes a moment; what took longer than this is kept once more. */
const FRESH_MS = 60_000;

/** The part of a record that does not follow from the files. */
export type Origin = Pick<AdapterRecord, 'parent_id' | 'job_id' | 'labels'> & {
  readonly ttlSeconds: number | undefined;
};

/**
 * The records of a tenant's adapters, each written once, after the blobs it refers to; the index of the newest, and
 * what was changed since. All methods throw AppError STORAGE_*.
 */
export class StoredAdapters {
  private readonly store: BlobStore;
  private readonly changes: AdapterChanges;
  private readonly uses: Pick<AdapterUses, 'of'>;
  private readonly removed: RemovedAdapters;

  constructor(store: BlobStore, uses: Pick<AdapterUses, 'of'>) {
    this.store = store;
    this.changes = new AdapterChanges(store);
    this.uses = uses;
    this.removed = new RemovedAdapters(store);
  }

  async find(id: string): Promise<AdapterRecord | undefined> {
    if (!isAdapterId(id)) return undefined;
    const [bytes, changes] = await Promise.all([this.store.get(adapterKey(id)), this.changes.get(id)]);
    return bytes && withChanges(JSON.parse(Buffer.from(bytes).toString('utf8')) as AdapterRecord, changes);
  }

  /**
   * Records an adapter whose files are in a scratch folder. False when there is a record already, which then stands.
   * The blobs are kept first (see keepBlob) and looked at again when the record refers to them.
   */
  async create(described: DescribedAdapter, files: readonly KeptFile[], origin: Origin): Promise<boolean> {
    await this.keepAll(files);
    const nowMs = Date.now();
    const { ttlSeconds, ...rest } = origin;
    const record: AdapterRecord = {
      ...described,
      ...rest,
      expires_at: expiryAfter(ttlSeconds, nowMs),
      created_at: new Date(nowMs).toISOString(),
    };
    const entry = recentAdapterKey(record.id, nowMs, record.bytes);
    await this.store.put(entry, new Uint8Array());
    const isFirst = await this.store.create(adapterKey(record.id), Buffer.from(JSON.stringify(record)));
    if (isFirst) {
      await this.verify(record, entry);
      return true;
    }
    // Unless it is the very entry of the record that was there.
    const winner = await this.find(record.id);
    if (winner?.created_at !== record.created_at) await this.store.remove(entry);
    return false;
  }

  /**
   * Changes labels and expiry. Undefined when the adapter was removed meanwhile: the change is announced by being
   * written, and a removal that has begun is waited for.
   */
  async change(record: AdapterRecord, changed: Changeable): Promise<AdapterRecord | undefined> {
    await this.changes.put(record, changed);
    await this.removalOf(record.id).waitUntilFree();
    const now = await this.find(record.id);
    return now?.created_at === record.created_at ? now : undefined;
  }

  /**
   * Removes an adapter; its blobs go later, if nobody else needs them.
   * @param isWanted asked once more when the removal is announced
   * @returns the record that was removed, undefined when there was none, or it is not wanted any more
   * @throws AppError ADAPTER_IN_USE
   */
  remove(
    id: string,
    isWanted: (record: AdapterRecord) => boolean = () => true,
  ): Promise<AdapterRecord | undefined> {
    return this.removalOf(id).hold(async () => {
      const record = await this.find(id);
      if (!record || !isWanted(record)) return undefined;
      const jobId = await this.uses.of(id);
      if (jobId !== undefined) throw inUse(id, jobId);
      await this.store.remove(adapterKey(id));
      await this.removed.add(record);
      await this.store.remove(recentAdapterKey(id, Date.parse(record.created_at), record.bytes));
      await this.changes.remove(id);
      return record;
    });
  }

  /** Waits for a removal that is under way. Who has made durable that it uses the adapter then looks whether it is there. */
  async settled(id: string): Promise<void> {
    await this.removalOf(id).waitUntilFree();
  }

  private removalOf(id: string): RemovalMark {
    return new RemovalMark(this.store, adapterRemovalKey(id));
  }

  /** None of the blobs may be kept for long before the record that refers to them. */
  private async keepAll(files: readonly KeptFile[]): Promise<void> {
    let begunMs: number;
    do {
      begunMs = performance.now();
      for (const file of files) await keepFile(this.store, file);
    } while (performance.now() - begunMs > FRESH_MS);
  }

  /** What cannot happen while clocks agree and no process sleeps for longer than the sweeper's grace. */
  private async verify({ id, files }: AdapterRecord, entry: string): Promise<void> {
    for (const { name, sha256, bytes } of files) {
      if ((await this.store.stat(blobKey(sha256)))?.bytes === bytes) continue;
      await this.store.remove(adapterKey(id));
      await this.store.remove(entry);
      throw new AppError('STORAGE_FAILED', `The storage lost ${name} of adapter ${id} while it was stored.`, {
        id,
        name,
      });
    }
  }
}

/** @param ttlSeconds undefined: kept */
export const expiryAfter = (ttlSeconds: number | undefined, nowMs: number): string | null =>
  ttlSeconds === undefined ? null : new Date(nowMs + ttlSeconds * 1000).toISOString();

export const hasExpired = ({ expires_at }: Pick<AdapterRecord, 'expires_at'>, nowMs: number): boolean =>
  expires_at !== null && Date.parse(expires_at) <= nowMs;

const inUse = (id: string, jobId: string): AppError =>
  new AppError('ADAPTER_IN_USE', `Adapter ${id} is read by job ${jobId}, which has not ended.`, {
    id,
    job_id: jobId,
  });
