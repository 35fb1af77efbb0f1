import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { isTenantId } from '../../contract/tenant-id.ts';
import type { Database } from '../../database/database.ts';
import { errnoOf } from '../../storage/storage-error.ts';
import type { AdapterService } from '../adapters/service.ts';
import { removeExpired, UploadRows } from './store.ts';
import { TenantUploads } from './tenant-uploads.ts';
import { UploadFiles, withStorageErrors } from './upload-files.ts';
import type { UploadInspector } from './upload-inspector.ts';
import { UploadLocks } from './upload-locks.ts';

/** The oldest ones beyond this number are dropped; each takes a few hundred bytes, and at most the header of a file. */
const MAX_WATCHES = 200;

/**
 * How long bytes are kept to which no upload refers. Much longer than the time between the last byte of a file and
 * its row, and than the clocks of processes that share a folder differ.
 */
const GRACE_MS = 3_600_000;

export interface UploadOptions {
  readonly database: Database;
  /**
   * On this machine, or shared by all processes that may receive requests of the same upload. It is created when
   * needed.
   */
  readonly folder: string;
  readonly maxUploadBytes: number;
  /** How long an upload is kept after its last byte arrived. */
  readonly ttlMs: number;
}

export interface SweepLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

/** The owner of uploads; the workspace of a tenant is one. */
export interface UploadOwner {
  readonly tenant: string;
  readonly adapters: Pick<AdapterService, 'newValidator'>;
}

/**
 * Files that are uploaded individually, in one or many requests, before an adapter is created from them. The database
 * has their records; their bytes are files in a folder and not content, because they grow.
 */
export class UploadService {
  readonly options: UploadOptions;
  private readonly locks: UploadLocks;
  /**
   * State of files that still grow, by path, so that a request continues where the last one of this process stopped.
   */
  private readonly watches = new LRUCache<string, UploadInspector>({ max: MAX_WATCHES });

  private timer: NodeJS.Timeout | undefined;

  constructor(options: UploadOptions) {
    this.options = options;
    this.locks = new UploadLocks(options.database);
  }

  /** The uploads of one tenant. */
  of({ tenant, adapters }: UploadOwner): TenantUploads {
    const { options, locks, watches } = this;
    return new TenantUploads({
      ...options,
      tenant,
      rows: this.rowsOf(tenant),
      files: this.filesOf(tenant),
      locks,
      watches,
      newValidator: () => adapters.newValidator(),
    });
  }

  /**
   * Removes the expired uploads of all processes, and bytes in this process's folder that belong to no upload.
   * Uploads that a request is using stay.
   * @returns how many uploads had expired
   * @throws AppError STORAGE_*, DATABASE_UNAVAILABLE
   */
  async sweep(): Promise<number> {
    const { database, ttlMs } = this.options;
    const expired = await removeExpired(database, ttlMs);
    for (const { tenant, file } of expired) await this.filesOf(tenant).remove(file);
    await this.locks.sweep();
    for (const tenant of await this.tenants()) await this.removeUnnamed(tenant);
    return expired.length;
  }

  /** Sweeps now and then periodically, until `close`. */
  sweepEvery(intervalMs: number, log: SweepLog): void {
    const sweep = async (): Promise<void> => {
      try {
        const removed = await this.sweep();
        if (removed > 0) log.info({ uploads: removed }, 'unused uploads have expired');
      } catch (error) {
        log.warn({ err: error }, 'the search for expired uploads failed');
      }
    };
    void sweep();
    this.timer = setInterval(() => void sweep(), intervalMs);
  }

  /** Stops sweeping. The uploads stay. */
  close(): void {
    clearInterval(this.timer);
    this.locks.close();
  }

  private rowsOf = (tenant: string) => new UploadRows(this.options.database, tenant, this.options.ttlMs);
  private filesOf = (tenant: string) => new UploadFiles(join(this.options.folder, tenant));

  /** Removes bytes of uploads that were removed or replaced by another process, or never completed. */
  private async removeUnnamed(tenant: string): Promise<void> {
    const files = this.filesOf(tenant);
    const idle = await files.idle(GRACE_MS);
    if (idle.length === 0) return;
    // Queried after the files were listed, so that a file whose row was written meanwhile is kept.
    const named = await this.rowsOf(tenant).files();
    for (const file of idle) if (!named.has(file)) await files.remove(file);
  }

  private tenants(): Promise<string[]> {
    return withStorageErrors('list uploads', async () => {
      try {
        return (await readdir(this.options.folder)).filter(isTenantId);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return [];
        throw error;
      }
    });
  }
}
