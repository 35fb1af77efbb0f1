import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { AdapterService } from '../adapter-service.ts';
import { isTenantId } from '../tenants/tenant-id.ts';
import type { ContentWatch } from './content-watch.ts';
import { FileLocks } from './file-locks.ts';
import { sweepUploads } from './sweep-uploads.ts';
import { TenantUploads } from './tenant-uploads.ts';
import { attempt, UploadFolder } from './upload-folder.ts';
import { expiresAtMs } from './upload-record.ts';

/** Of no use after this many others; a few hundred bytes each, and at most the header of a file. */
const MAX_WATCHES = 200;

export interface UploadOptions {
  /** On this machine, or shared by all that may get a request of the same upload. Made when it is needed. */
  readonly folder: string;
  readonly maxUploadBytes: number;
  /** How long an upload stays after its last byte came. */
  readonly ttlMs: number;
}

export interface SweepLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

/** A tenant's workspace is one. */
export interface UploadOwner {
  readonly tenant: string;
  readonly adapters: Pick<AdapterService, 'openGate'>;
}

/**
 * Files that come on their own, in one piece or in many, and wait for an adapter to be made of them. They are files
 * of a folder and no blobs: they grow. Several processes may share the folder.
 */
export class UploadService {
  readonly options: UploadOptions;
  private readonly locks: FileLocks;
  /** Of files that still grow, by path: so that a request goes on where the last one of this process stopped. */
  private readonly watches = new LRUCache<string, ContentWatch>({ max: MAX_WATCHES });

  private timer: NodeJS.Timeout | undefined;

  constructor(options: UploadOptions) {
    this.options = options;
    this.locks = new FileLocks(join(options.folder, '.locks'));
  }

  /** What one tenant has. */
  of({ tenant, adapters }: UploadOwner): TenantUploads {
    const { options, locks, watches } = this;
    const folder = this.folderOf(tenant);
    return new TenantUploads({
      ...options,
      folder,
      tenant,
      locks,
      watches,
      openGate: () => adapters.openGate(),
    });
  }

  /**
   * Removes uploads that have expired, and what was left behind by processes that died. What a request is at work on
   * stays.
   * @returns how many uploads had expired
   * @throws AppError STORAGE_*
   */
  async sweep(nowMs = Date.now()): Promise<number> {
    let removed = 0;
    for (const tenant of await this.tenants()) {
      removed += await sweepUploads(this.folderOf(tenant), {
        hasExpired: (upload) => expiresAtMs(upload, this.options.ttlMs) < nowMs,
        lock: (id) => this.locks.lock(`${tenant}~${id}`, { waitMs: 0 }),
      });
    }
    await this.locks.sweep();
    return removed;
  }

  /** Sweeps now and from time to time, until `close`. */
  sweepEvery(intervalMs: number, log: SweepLog): void {
    const sweep = async (): Promise<void> => {
      try {
        const removed = await this.sweep();
        if (removed > 0) log.info({ uploads: removed }, 'unused uploads have expired');
      } catch (error) {
        log.warn({ err: error }, 'expired uploads cannot be looked for');
      }
    };
    void sweep();
    this.timer = setInterval(() => void sweep(), intervalMs);
  }

  /** The uploads stay. */
  close(): Promise<void> {
    clearInterval(this.timer);
    return this.locks.close();
  }

  private folderOf = (tenant: string): UploadFolder => new UploadFolder(join(this.options.folder, tenant));

  private async tenants(): Promise<string[]> {
    return attempt('list uploads', async () => {
      await mkdir(this.options.folder, { recursive: true });
      return (await readdir(this.options.folder)).filter(isTenantId);
    });
  }
}
