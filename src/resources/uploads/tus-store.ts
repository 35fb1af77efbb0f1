import type { Readable } from 'node:stream';
import { DataStore, type Lock, type Locker, Upload } from '@tus/server';
import { AppError } from '../../errors/app-error.ts';
import type { IncomingBody } from '../../http/multipart/incoming-body.ts';
import type { TenantUploads, Unlock } from './tenant-uploads.ts';
import { uploadFilename } from './upload-limits.ts';

/** Metadata of a client is stored and returned; this is enough for what tus clients send about a file. */
const MAX_METADATA_BYTES = 2048;

/**
 * The uploads of a tenant in the form that the tus library requires, for one request. The library's own file store is
 * not used: it has no validator, hides the reason of a failure, and may lose bytes that it has acknowledged.
 */
export class TusStore extends DataStore {
  /**
   * The reason why bytes were refused. The library gets the error as well, but may have seen the end of its stream
   * first.
   */
  failure: AppError | undefined;
  /** Resolves when nothing is being written, because the library does not always wait for that. */
  idle: Promise<void> = Promise.resolve();
  private readonly uploads: TenantUploads;
  private readonly body: IncomingBody | undefined;

  /** @param body of the request, if it contains bytes of the file */
  constructor(uploads: TenantUploads, body: IncomingBody | undefined) {
    super();
    this.uploads = uploads;
    this.body = body;
    this.extensions = [
      'creation',
      'creation-with-upload',
      'creation-defer-length',
      'termination',
      'expiration',
    ];
  }

  override async create(upload: Upload): Promise<Upload> {
    const metadata = upload.metadata ?? {};
    const bytes = Buffer.byteLength(JSON.stringify(metadata));
    if (bytes > MAX_METADATA_BYTES) {
      const detail = `Upload-Metadata has ${bytes} bytes; the limit is ${MAX_METADATA_BYTES} bytes.`;
      throw new AppError('UPLOAD_HEADER', detail, { bytes, limit_bytes: MAX_METADATA_BYTES });
    }
    const filename = uploadFilename(metadata.filename, 'Upload-Metadata, as filename');
    await this.uploads.create(upload.id, { filename, totalBytes: upload.size ?? null, metadata });
    return upload;
  }

  override async getUpload(id: string): Promise<Upload> {
    const { totalBytes, receivedBytes, metadata, touchedAtMs } = await this.uploads.settle(id);
    return new Upload({
      id,
      ...(totalBytes !== null && { size: totalBytes }),
      offset: receivedBytes,
      metadata,
      // The library computes the time to live from this date.
      creation_date: new Date(touchedAtMs).toISOString(),
    });
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { body } = this;
    // The stream is not destroyed by its reader, because the library would mistake that for the end of the request.
    const bytes = stream.iterator({ destroyOnReturn: false });
    const appending = this.uploads.append(id, offset, bytes, () => {
      if (body?.isIndivisible) body.verify();
    });
    this.idle = appending.then(
      () => {},
      () => {},
    );
    try {
      return await appending;
    } catch (error) {
      if (error instanceof AppError) this.failure = error;
      throw error;
    }
  }

  override declareUploadLength(id: string, bytes: number): Promise<void> {
    return this.uploads.announce(id, bytes);
  }

  override remove(id: string): Promise<void> {
    return this.uploads.remove(id);
  }

  override getExpiration(): number {
    return this.uploads.ttlMs;
  }
}

/**
 * Locks for the library: a later request ends the earlier one, which may hang on a broken connection.
 * @param store of the request that takes the lock
 */
export const tusLocker = (uploads: TenantUploads, store: TusStore): Locker => ({
  newLock(id: string): Lock {
    let unlock: Unlock | undefined;
    return {
      async lock(signal, cancel) {
        unlock = await uploads.lock(id, { signal, urge: true, onUrged: () => void cancel() });
      },
      async unlock() {
        await store.idle;
        await unlock?.();
      },
    };
  },
});
