import type { LRUCache } from 'lru-cache';
import type { IncomingFile } from '../../adapter/digested-file.ts';
import { roleOf } from '../../adapter/file-names.ts';
import { hashFile } from '../../bytes/hash-file.ts';
import type { StreamValidator } from '../../bytes/stream-validator.ts';
import type { UploadFilename, UploadRecord } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { syncFile } from '../../storage/durable-file.ts';
import type { NewUploadRow, Upload, UploadRows } from './store.ts';
import { expiresAt, toUploadRecord } from './store.ts';
import { isUploadId, newFileName, type UploadFiles, withStorageErrors } from './upload-files.ts';
import { appendFile, cutFile, UploadInspector } from './upload-inspector.ts';
import { checkUploadUsage, maxBytesOf, tooLarge } from './upload-limits.ts';
import type { LockOptions, UploadLock, UploadLocks } from './upload-locks.ts';

/** How long a request waits for another request of the same upload. */
const LOCK_WAIT_MS = 10_000;

/**
 * How often the database is updated while bytes arrive: if the process dies, the time to live counts from the last
 * update.
 */
const TOUCH_MS = 10_000;

export interface TenantUploadsOptions {
  readonly tenant: string;
  readonly rows: UploadRows;
  readonly files: UploadFiles;
  readonly maxUploadBytes: number;
  readonly ttlMs: number;
  readonly locks: UploadLocks;
  readonly watches: LRUCache<string, UploadInspector>;
  readonly newValidator: () => StreamValidator;
}

export interface NewUpload {
  readonly filename: UploadFilename;
  /** null if it will be announced later. */
  readonly totalBytes: number | null;
  readonly metadata: Upload['metadata'];
}

/** An upload whose bytes are currently in the folder of this process. */
export interface PresentUpload extends Upload {
  readonly path: string;
}

export type Unlock = () => Promise<void>;

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const UPLOAD_ERRORS = {
  get: ['UPLOAD_NOT_FOUND', 'UPLOAD_EXPIRED', 'STORAGE_FAILED'],
  list: ['STORAGE_FAILED'],
  replace: ['UPLOAD_LOCKED', 'QUOTA_UPLOADS', 'STORAGE_FULL', 'STORAGE_FAILED'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * The uploads of one tenant. All methods throw AppError STORAGE_*, DATABASE_UNAVAILABLE, and UPLOAD_NOT_FOUND if they
 * take an id.
 */
export class TenantUploads {
  private readonly options: TenantUploadsOptions;
  private readonly rows: UploadRows;
  private readonly files: UploadFiles;
  /** The locks that this process holds, by id. */
  private readonly held = new Map<string, UploadLock>();

  constructor(options: TenantUploadsOptions) {
    this.options = options;
    this.rows = options.rows;
    this.files = options.files;
  }

  /** How long an upload is kept after its last byte arrived. */
  get ttlMs(): number {
    return this.options.ttlMs;
  }

  /**
   * Locks an upload: until it is unlocked, no other request can change it, but it can be read.
   * @throws AppError UPLOAD_LOCKED
   */
  async lock(id: string, options: Partial<LockOptions> = {}): Promise<Unlock> {
    if (!isUploadId(id)) throw notFound(id);
    const { locks, tenant } = this.options;
    const lock = await locks.lock({ tenant, id }, { waitMs: LOCK_WAIT_MS, ...options });
    if (!lock) {
      const detail = `Another request is using the upload ${id}; try again soon.`;
      throw new AppError('UPLOAD_LOCKED', detail, { id });
    }
    this.held.set(id, lock);
    return async () => {
      this.held.delete(id);
      await lock.release();
    };
  }

  /** The record of an upload, whichever process has its bytes. @throws AppError UPLOAD_EXPIRED */
  async get(id: string): Promise<Upload> {
    const upload = await this.find(id);
    if (!upload) throw notFound(id);
    if (!upload.hasExpired) return (await this.withSize(upload)) ?? upload;
    const at = expiresAt(upload, this.options.ttlMs);
    throw new AppError('UPLOAD_EXPIRED', `The upload ${id} has expired: it was kept until ${at}.`, {
      id,
      expired_at: at,
    });
  }

  /** In the order of their ids. */
  async list(): Promise<Upload[]> {
    const all = await this.rows.list();
    return Promise.all(all.map(async (upload) => (await this.withSize(upload)) ?? upload));
  }

  /**
   * Creates an upload without bytes. Its id is new, or locked by the caller.
   * @throws AppError QUOTA_UPLOADS, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, ST_HEADER_TOO_SMALL for empty weights
   */
  async create(id: string, { filename, totalBytes, metadata }: NewUpload): Promise<void> {
    const limitBytes = this.limitOf(filename);
    if ((totalBytes ?? 0) > limitBytes) throw tooLarge(filename, limitBytes, totalBytes ?? 0);
    const file = newFileName(id);
    await this.files.make(file);
    await this.put({ id, file, filename, totalBytes, receivedBytes: 0, metadata, sha256: null });
    if (totalBytes !== 0) return;
    try {
      await this.settle(id);
    } catch (error) {
      await this.discard({ id, file });
      throw error;
    }
  }

  /**
   * Sets the length of an upload. The caller has locked it.
   * @throws AppError UPLOAD_HEADER if the length is already known or more bytes have arrived, UPLOAD_TOO_LARGE,
   * CONFIG_TOO_LARGE
   */
  async announce(id: string, totalBytes: number): Promise<void> {
    const upload = await this.present(id);
    const limitBytes = this.limitOf(upload.filename);
    if (totalBytes > limitBytes) throw tooLarge(upload.filename, limitBytes, totalBytes);
    if (upload.totalBytes !== null || totalBytes < upload.receivedBytes) {
      const known = upload.totalBytes ?? upload.receivedBytes;
      const why = upload.totalBytes === null ? 'bytes have already arrived' : 'was sent before as its length';
      const detail = `The length of the upload ${id} cannot be set to ${totalBytes} bytes: ${known} ${why}.`;
      throw new AppError('UPLOAD_HEADER', detail, { id, bytes: known });
    }
    if (!(await this.rows.announce(upload, totalBytes))) throw notFound(id);
  }

  /**
   * Appends bytes to an upload, and completes it with the last ones. The caller has locked it. If the body ends
   * early, what arrived is kept; an upload whose content is refused is removed.
   * @param verify called when the body has ended; if it throws, none of the body is kept
   * @returns the number of bytes of the upload
   * @throws AppError UPLOAD_OFFSET, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, UPLOAD_LOCKED if the lock was lost, the
   *   errors of the validator (ST_*, PICKLE_REFUSED, …)
   */
  async append(
    id: string,
    offset: number,
    body: AsyncIterable<Uint8Array>,
    verify: () => void = () => {},
  ): Promise<number> {
    const upload = await this.present(id);
    const { path, receivedBytes, filename, totalBytes } = upload;
    if (offset !== receivedBytes) throw wrongOffset(upload, offset);
    // An adapter may already use this very file.
    if (upload.sha256 !== null) return receivedBytes;
    const watch = await this.takeWatch(upload);
    const limitBytes = totalBytes ?? this.limitOf(filename);
    let touchedMs = performance.now();
    await this.removingRefused(upload, watch, () =>
      appendFile(path, body, watch, {
        totalBytes,
        refuseBeyond: (bytes) => {
          this.checkHeld(id);
          if (bytes > limitBytes) throw tooLarge(filename, limitBytes);
          if (performance.now() - touchedMs < TOUCH_MS) return;
          touchedMs = performance.now();
          // The database may be available again when the body ends.
          this.rows.touch(upload).catch(() => {});
        },
      }),
    );
    this.checkHeld(id);
    try {
      verify();
    } catch (error) {
      await cutFile(path, offset);
      throw error;
    }
    if (watch.bytes === totalBytes) await this.complete(upload, watch);
    else {
      this.options.watches.set(path, watch);
      if (!(await this.rows.touch(upload, watch.bytes))) throw notFound(id);
    }
    return watch.bytes;
  }

  /**
   * The offset at which an upload continues; none of the bytes before it can be lost any more. Completes an upload
   * whose last request was interrupted after its last byte. The caller has locked it.
   */
  async settle(id: string): Promise<PresentUpload> {
    const upload = await this.present(id);
    const { sha256, receivedBytes, totalBytes, path } = upload;
    if (sha256 !== null) return upload;
    if (receivedBytes === totalBytes) {
      await this.complete(upload, await this.takeWatch(upload));
      return this.present(id);
    }
    // Otherwise an interrupted request or another process has written them.
    const isSynced = receivedBytes === 0 || this.options.watches.peek(path)?.bytes === receivedBytes;
    if (!isSynced) await withStorageErrors('write an upload', () => syncFile(path));
    return upload;
  }

  /**
   * Turns a finished file into an upload, replacing the one with the same id. The file is moved away from its path.
   * @param incoming on the same file system as the uploads
   * @returns whether there was none before
   * @throws AppError UPLOAD_LOCKED, QUOTA_UPLOADS
   */
  async replace(id: string, filename: UploadFilename, incoming: IncomingFile): Promise<{ created: boolean }> {
    const unlock = await this.lock(id, { urge: true });
    try {
      const file = newFileName(id);
      const { path, bytes, sha256 } = incoming;
      await this.files.adopt(path, file);
      const size = { totalBytes: bytes, receivedBytes: bytes };
      const old = await this.put({ id, file, filename, ...size, metadata: {}, sha256 });
      if (old) await this.files.remove(old.file);
      return { created: !old || old.hasExpired };
    } finally {
      await unlock();
    }
  }

  /** Removes an upload, expired or not, whichever process has its bytes. The caller has locked it. */
  async remove(id: string): Promise<void> {
    const upload = await this.find(id);
    if (!upload || !(await this.discard(upload))) throw notFound(id);
  }

  /** An upload in the form of the API. */
  describe = (upload: Upload): UploadRecord => toUploadRecord(upload, this.options.ttlMs);

  /** The size limit of a file with this name. */
  limitOf = (filename: UploadFilename): number => maxBytesOf(filename, this.options.maxUploadBytes);

  private async find(id: string): Promise<Upload | undefined> {
    return isUploadId(id) ? this.rows.find(id) : undefined;
  }

  /** Adds the current number of bytes of its file; undefined if the file is not here. */
  private async withSize(upload: Upload): Promise<PresentUpload | undefined> {
    const receivedBytes = await this.files.size(upload.file);
    if (receivedBytes === undefined) return undefined;
    return { ...upload, receivedBytes, path: this.files.pathOf(upload.file) };
  }

  /** @throws AppError UPLOAD_EXPIRED */
  private async present(id: string): Promise<PresentUpload> {
    const found = await this.withSize(await this.get(id));
    if (found) return found;
    const detail = `The bytes of the upload ${id} are not on this machine, because another process of the service received them. Send its requests to that process.`;
    throw new AppError('UPLOAD_NOT_FOUND', detail, { id });
  }

  /** Another request may hold the lock by now, if this one has lost it. */
  private checkHeld(id: string): void {
    this.held.get(id)?.check();
  }

  /** Records an upload whose file exists. The file is removed if the upload cannot be recorded. */
  private async put(upload: Omit<NewUploadRow, 'reservedBytes'>): Promise<Upload | undefined> {
    const reservedBytes = upload.totalBytes ?? this.limitOf(upload.filename);
    try {
      this.checkHeld(upload.id);
      return await this.rows.put({ ...upload, reservedBytes }, (share) =>
        checkUploadUsage(share, this.options.maxUploadBytes),
      );
    } catch (error) {
      // If the outcome of the transaction is unknown, the row may exist. Then the file is left to the sweep.
      if (error instanceof AppError && error.code === 'QUOTA_UPLOADS') await this.files.remove(upload.file);
      throw error;
    }
  }

  private async discard(upload: Pick<Upload, 'id' | 'file'>): Promise<boolean> {
    this.options.watches.delete(this.files.pathOf(upload.file));
    const wasThere = await this.rows.remove(upload);
    await this.files.remove(upload.file);
    return wasThere;
  }

  private async complete(upload: PresentUpload, watch: UploadInspector): Promise<void> {
    const { id, path } = upload;
    await this.removingRefused(upload, watch, async () => {
      const seen = watch.finish(watch.bytes);
      const sha256 = await withStorageErrors('read an upload', async () => {
        // An upload is complete only once a power failure can no longer lose any of its bytes.
        await syncFile(path);
        return seen ?? (await hashFile(path)).sha256;
      });
      this.checkHeld(id);
      if (!(await this.rows.complete(upload, watch.bytes, sha256))) throw notFound(id);
    });
  }

  /**
   * The hash state of the last request, if this process handled it and nothing has been written since. Otherwise a new
   * one, which first reads the bytes that are there.
   */
  private async takeWatch(upload: PresentUpload): Promise<UploadInspector> {
    const { path, receivedBytes, filename } = upload;
    const { watches, newValidator } = this.options;
    const known = watches.get(path);
    watches.delete(path);
    if (known?.bytes === receivedBytes) return known;
    const validator = roleOf(filename) === 'config' ? undefined : newValidator();
    try {
      return await withStorageErrors('read an upload', () =>
        UploadInspector.resumed(path, receivedBytes, validator),
      );
    } catch (error) {
      // The process that wrote these bytes was killed before it could refuse them.
      if (error instanceof AppError && !error.retryable) await this.discard(upload);
      throw error;
    }
  }

  private async removingRefused(
    upload: Upload,
    watch: UploadInspector,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (watch.isRefused) await this.discard(upload);
      throw error;
    }
  }
}

const notFound = (id: string): AppError =>
  new AppError('UPLOAD_NOT_FOUND', `There is no upload ${JSON.stringify(id.slice(0, 80))}.`, {
    id: id.slice(0, 80),
  });

function wrongOffset({ id, receivedBytes }: Upload, offset: number): AppError {
  const detail = `${receivedBytes} bytes of the upload ${id} have arrived, so it must continue at offset ${receivedBytes} and not at ${offset}.`;
  return new AppError('UPLOAD_OFFSET', detail, { id, offset, received_bytes: receivedBytes });
}
