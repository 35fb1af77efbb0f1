import { rename } from 'node:fs/promises';
import type { LRUCache } from 'lru-cache';
import { roleOf } from '../../adapter/file-names.ts';
import type { UploadFilename, UploadRecord } from '../../contract/upload.ts';
import { AppError } from '../../errors.ts';
import { hashFile } from '../../squeeze/hash-file.ts';
import { syncFile } from '../../storage/durable-file.ts';
import type { IncomingFile, WeightsGate } from '../adapter-service.ts';
import { appendFile, cutFile } from './append-file.ts';
import { ContentWatch } from './content-watch.ts';
import type { FileLocks, LockOptions, Unlock } from './file-locks.ts';
import { attempt, isUploadId, type StoredUpload, type UploadFolder } from './upload-folder.ts';
import { checkShare, maxBytesOf, tooLarge } from './upload-limits.ts';
import { newDataFile, type UploadManifest } from './upload-manifest.ts';
import { expiresAtMs, uploadRecordOf } from './upload-record.ts';

/** A request that wants an upload waits as long for another to finish what it does. */
const LOCK_WAIT_MS = 10_000;

export interface TenantUploadsOptions {
  readonly folder: UploadFolder;
  readonly tenant: string;
  readonly maxUploadBytes: number;
  readonly ttlMs: number;
  readonly locks: FileLocks;
  readonly watches: LRUCache<string, ContentWatch>;
  readonly openGate: () => WeightsGate;
}

export interface NewUpload {
  readonly filename: UploadFilename;
  /** null: announced later. */
  readonly totalBytes: number | null;
  readonly metadata: UploadManifest['metadata'];
}

/** The uploads of one tenant. All methods throw AppError STORAGE_*, and UPLOAD_NOT_FOUND where one is asked for. */
export class TenantUploads {
  private readonly folder: UploadFolder;
  private readonly options: TenantUploadsOptions;

  constructor(options: TenantUploadsOptions) {
    this.options = options;
    this.folder = options.folder;
  }

  /** How long an upload stays after its last byte came. */
  get ttlMs(): number {
    return this.options.ttlMs;
  }

  /**
   * Nobody else changes the upload until it is unlocked; reading stays possible.
   * @throws AppError UPLOAD_LOCKED
   */
  async lock(id: string, options: Partial<LockOptions> = {}): Promise<Unlock> {
    if (!isUploadId(id)) throw notFound(id);
    const name = `${this.options.tenant}~${id}`;
    const unlock = await this.options.locks.lock(name, { waitMs: LOCK_WAIT_MS, ...options });
    if (unlock) return unlock;
    throw new AppError('UPLOAD_LOCKED', `Another request is at work on the upload ${id}; try again soon.`, {
      id,
    });
  }

  /** @throws AppError UPLOAD_EXPIRED */
  async get(id: string): Promise<StoredUpload> {
    const upload = await this.folder.find(id);
    if (!upload) throw notFound(id);
    if (!this.hasExpired(upload)) return upload;
    const at = new Date(expiresAtMs(upload, this.options.ttlMs)).toISOString();
    throw new AppError('UPLOAD_EXPIRED', `The upload ${id} has expired: it was kept until ${at}.`, {
      id,
      expired_at: at,
    });
  }

  /** In the order of their ids. */
  async list(): Promise<StoredUpload[]> {
    return (await this.folder.all()).filter((upload) => !this.hasExpired(upload));
  }

  /**
   * Makes an upload without bytes. Its id is new, or locked by the caller.
   * @throws AppError QUOTA_UPLOADS, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, ST_HEADER_TOO_SMALL for weights of no bytes
   */
  async create(id: string, { filename, totalBytes, metadata }: NewUpload): Promise<void> {
    const limitBytes = this.limitOf(filename);
    if ((totalBytes ?? 0) > limitBytes) throw tooLarge(filename, limitBytes, totalBytes ?? 0);
    const createdAtMs = Date.now();
    const manifest = { filename, totalBytes, metadata, dataFile: newDataFile(), sha256: null, createdAtMs };
    await this.folder.put(id, manifest);
    try {
      // Counted when it is there: of those that come at the same time none is overlooked.
      await this.checkShare();
      if (totalBytes === 0) await this.settle(id);
    } catch (error) {
      await this.folder.remove(id);
      throw error;
    }
  }

  /**
   * Says how large an upload will be. The caller has locked it.
   * @throws AppError UPLOAD_HEADER where that is known already or less than came, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE
   */
  async announce(id: string, totalBytes: number): Promise<void> {
    const { manifest, receivedBytes } = await this.get(id);
    const limitBytes = this.limitOf(manifest.filename);
    if (totalBytes > limitBytes) throw tooLarge(manifest.filename, limitBytes, totalBytes);
    if (manifest.totalBytes !== null || totalBytes < receivedBytes) {
      const known = manifest.totalBytes ?? receivedBytes;
      const detail = `The upload ${id} cannot get ${totalBytes} bytes: ${known} are known of.`;
      throw new AppError('UPLOAD_HEADER', detail, { id, bytes: known });
    }
    await this.folder.put(id, { ...manifest, totalBytes });
  }

  /**
   * Adds bytes at the end of an upload, and completes it with its last. The caller has locked it. A body that ends
   * early leaves what came of it; an upload that is refused for what it holds is removed.
   * @param verify called when the body has ended; throws, and nothing of it is kept
   * @returns how many bytes there are now
   * @throws AppError UPLOAD_OFFSET, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, what the gate finds (ST_*, PICKLE_REFUSED, …)
   */
  async append(
    id: string,
    offset: number,
    body: AsyncIterable<Uint8Array>,
    verify: () => void = () => {},
  ): Promise<number> {
    const upload = await this.get(id);
    const { dataPath, receivedBytes, manifest } = upload;
    if (offset !== receivedBytes) throw wrongOffset(upload, offset);
    // Perhaps an adapter has the very file by now.
    if (manifest.sha256 !== null) return receivedBytes;
    const watch = await this.takeWatch(upload);
    await this.removingRefused(id, watch, async () => {
      const limitBytes = manifest.totalBytes ?? this.limitOf(manifest.filename);
      await appendFile(dataPath, body, watch, {
        totalBytes: manifest.totalBytes,
        refuseBeyond: (bytes) => {
          if (bytes > limitBytes) throw tooLarge(manifest.filename, limitBytes);
        },
      });
    });
    try {
      verify();
    } catch (error) {
      await cutFile(dataPath, offset);
      throw error;
    }
    if (watch.bytes === manifest.totalBytes) await this.complete(upload, watch);
    else this.options.watches.set(dataPath, watch);
    return watch.bytes;
  }

  /** Completes an upload whose last request was cut off after its last byte. The caller has locked it. */
  async settle(id: string): Promise<StoredUpload> {
    const upload = await this.get(id);
    const { manifest, receivedBytes } = upload;
    if (manifest.sha256 !== null || receivedBytes !== manifest.totalBytes) return upload;
    await this.complete(upload, await this.takeWatch(upload));
    return this.get(id);
  }

  /**
   * Makes a finished file an upload, in the place of one of that id where there is one. Its path is gone afterwards.
   * @param file on the file system of the uploads
   * @returns whether there was none
   * @throws AppError UPLOAD_LOCKED, QUOTA_UPLOADS
   */
  async replace(id: string, filename: UploadFilename, file: IncomingFile): Promise<{ created: boolean }> {
    const unlock = await this.lock(id, { urge: true });
    try {
      const old = await this.folder.find(id);
      await this.checkShare(id, file.bytes);
      const dataFile = newDataFile();
      const { bytes: totalBytes, sha256 } = file;
      const dataPath = await this.folder.makePlace(id, { dataFile });
      await attempt('write an upload', async () => {
        await syncFile(file.path);
        await rename(file.path, dataPath);
      });
      await this.folder.put(id, {
        filename,
        totalBytes,
        metadata: {},
        dataFile,
        sha256,
        createdAtMs: Date.now(),
      });
      await this.folder.tidy(id);
      return { created: !old || this.hasExpired(old) };
    } finally {
      await unlock();
    }
  }

  /** Removes an upload, expired or not. The caller has locked it. */
  async remove(id: string): Promise<void> {
    const upload = await this.folder.find(id);
    if (!upload) throw notFound(id);
    this.options.watches.delete(upload.dataPath);
    await this.folder.remove(id);
  }

  /** As clients see it. */
  describe = (upload: StoredUpload): UploadRecord => uploadRecordOf(upload, this.options.ttlMs);

  /** Largest file of that name. */
  limitOf = (filename: UploadFilename): number => maxBytesOf(filename, this.options.maxUploadBytes);

  private hasExpired = (upload: StoredUpload): boolean =>
    expiresAtMs(upload, this.options.ttlMs) < Date.now();

  private async complete({ id, manifest, dataPath }: StoredUpload, watch: ContentWatch): Promise<void> {
    await this.removingRefused(id, watch, async () => {
      const seen = watch.finish(watch.bytes);
      const sha256 = await attempt('read an upload', async () => {
        // Nothing is called complete that a power failure could still take bytes of.
        await syncFile(dataPath);
        return seen ?? (await hashFile(dataPath)).sha256;
      });
      await this.folder.put(id, { ...manifest, sha256 });
    });
  }

  /** The last request's, where it was of this process and nobody else wrote since; else one that catches up. */
  private async takeWatch({ id, dataPath, receivedBytes, manifest }: StoredUpload): Promise<ContentWatch> {
    const { watches, openGate } = this.options;
    const known = watches.get(dataPath);
    watches.delete(dataPath);
    if (known?.bytes === receivedBytes) return known;
    const gate = roleOf(manifest.filename) === 'config' ? undefined : openGate();
    try {
      return await attempt('read an upload', () => ContentWatch.resumed(dataPath, receivedBytes, gate));
    } catch (error) {
      // Written by a process that was killed before it could refuse it.
      if (error instanceof AppError && !error.retryable) await this.folder.remove(id);
      throw error;
    }
  }

  private async removingRefused(id: string, watch: ContentWatch, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (watch.isRefused) await this.folder.remove(id);
      throw error;
    }
  }

  /** @param bytes of an upload that is about to take the place of `id` */
  private async checkShare(id?: string, bytes = 0): Promise<void> {
    const others = (await this.list()).filter((upload) => upload.id !== id);
    const shares = others.map(({ manifest, receivedBytes }) =>
      Math.max(receivedBytes, manifest.totalBytes ?? this.limitOf(manifest.filename)),
    );
    checkShare(id === undefined ? shares : [...shares, bytes], this.options.maxUploadBytes);
  }
}

const notFound = (id: string): AppError =>
  new AppError('UPLOAD_NOT_FOUND', `There is no upload ${JSON.stringify(id.slice(0, 80))}.`, {
    id: id.slice(0, 80),
  });

function wrongOffset({ id, receivedBytes }: StoredUpload, offset: number): AppError {
  const detail = `The upload ${id} has ${receivedBytes} bytes, so it goes on there and not at ${offset}.`;
  return new AppError('UPLOAD_OFFSET', detail, { id, offset, received_bytes: receivedBytes });
}
