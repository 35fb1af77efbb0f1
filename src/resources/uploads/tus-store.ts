import type { Readable } from 'node:stream';
import { DataStore, type Lock, type Locker, Upload } from '@tus/server';
import { AppError } from '../../errors/app-error.ts';
import type { IncomingBody } from '../../http/multipart/incoming-body.ts';
import type { TenantUploads, Unlock } from './tenant-uploads.ts';
import { uploadFilename } from './upload-limits.ts';

/** What a client sends along is kept and given back: enough for what tus clients say of a file. */
const MAX_METADATA_BYTES = 2048;

/**
 * The uploads of a tenant as the tus library wants to see them, for one request. Not the library's own store of files:
 * that one knows of no gate, keeps the reason of a failure to itself, and may lose bytes it answered for.
 */
export class TusStore extends DataStore {
  /** Why bytes were refused. The library gets the error as well, but may have seen the end of its stream first. */
  failure: AppError | undefined;
  /** Nothing is being written: the library does not always wait for that. */
  idle: Promise<void> = Promise.resolve();
  private readonly uploads: TenantUploads;
  private readonly body: IncomingBody | undefined;

  /** @param body of the request, if it contains bytes of a file */
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
      // What the library counts the time to live from.
      creation_date: new Date(touchedAtMs).toISOString(),
    });
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { body } = this;
    // Not destroyed by who reads it: the library would take that for the end of the request.
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
 * @param store of the request that locks
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
