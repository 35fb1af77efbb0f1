import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObserveBackend } from '../../backend-calls.ts';
import type { BlobStore, ByteRange } from '../blob-store.ts';
import { checkedKey, isBlobKey, SCRATCH_FOLDER } from '../blob-store.ts';
import { DEFAULT_IDLE_TIMEOUT_MS } from '../deadline.ts';
import { Scratch } from '../scratch.ts';
import { listObjects } from './list-objects.ts';
import { LocalCache } from './local-cache.ts';
import { resumingStream } from './resuming-stream.ts';
import type { ObjectAddress, S3Options } from './s3-client.ts';
import { createClient, type S3Limits, s3Limits, sendWithTimeout } from './s3-client.ts';
import { isMissing, s3Error } from './s3-error.ts';
import { SINGLE_PUT_BYTES, uploadInParts } from './upload-in-parts.ts';

/** Blobs as objects of an S3 bucket, with local copies of those that jobs read in random order. */
export class S3Store implements BlobStore {
  private readonly client: S3Client;
  private readonly options: S3Options;
  private readonly limits: S3Limits;
  private readonly scratch: Scratch;
  private readonly cache: LocalCache;

  private constructor(
    options: S3Options,
    idleTimeoutMs: number,
    scratch: Scratch,
    cache: LocalCache,
    observe: ObserveBackend | undefined,
  ) {
    this.options = options;
    this.limits = s3Limits(idleTimeoutMs);
    this.scratch = scratch;
    this.cache = cache;
    this.client = createClient(options.forcePathStyle, idleTimeoutMs, observe);
  }

  /**
   * Opens the storage without any request to the bucket.
   * @param folder local, for copies and scratch files; several processes may share it
   * @param idleTimeoutMs how long the store may be silent while a caller waits for it
   * @param observe called for repeated requests, and for hits and misses of the cache
   * @throws AppError STORAGE_FULL, STORAGE_FAILED if the folder cannot be used
   */
  static async open(
    folder: string,
    options: S3Options,
    idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS,
    observe?: ObserveBackend,
  ): Promise<S3Store> {
    try {
      await mkdir(folder, { recursive: true });
      const scratch = await Scratch.open(join(folder, SCRATCH_FOLDER));
      const cache = await LocalCache.open(join(folder, 'cache'), options.cacheBytes, scratch, {
        onUse: (isCached) => observe?.({ isCached }),
      });
      return new S3Store(options, idleTimeoutMs, scratch, cache, observe);
    } catch (error) {
      throw s3Error('open', 'its local folder', error);
    }
  }

  /** Removes the scratch folder of this process and closes its connections. The storage must not be used afterwards. */
  async close(): Promise<void> {
    this.cache.close();
    this.client.destroy();
    await this.scratch.close();
  }

  async putFile(key: string, localPath: string): Promise<void> {
    const address = this.addressOf(checkedKey(key));
    return this.attempt('write', address, async () => {
      const { size } = await stat(localPath);
      if (size > SINGLE_PUT_BYTES)
        await uploadInParts(this.client, address, createReadStream(localPath), size);
      else await this.putObject(address, await readFile(localPath));
      await this.cache.adopt(this.copyName(address, size), size, localPath);
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const address = this.addressOf(checkedKey(key));
    await this.attempt('write', address, () => this.putObject(address, bytes));
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const address = this.addressOf(checkedKey(key));
    return this.attempt('read', address, async () => {
      const stream = await unlessMissing(this.stream(address));
      return stream && buffer(stream);
    });
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    const address = this.addressOf(checkedKey(key));
    return this.attempt('read', address, async () => {
      const head = await unlessMissing(this.head(address));
      return head && { bytes: head.ContentLength ?? 0 };
    });
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    const address = this.addressOf(checkedKey(key));
    return this.attempt('read', address, () => this.stream(address, range));
  }

  async localFile(key: string, bytes: number): Promise<string> {
    const address = this.addressOf(checkedKey(key));
    return this.attempt('read', address, () =>
      this.cache.file(this.copyName(address, bytes), bytes, async (path) =>
        pipeline(await this.stream(address), createWriteStream(path)),
      ),
    );
  }

  async list(prefix: string, { after = '', limit = Infinity } = {}): Promise<string[]> {
    const root = this.addressOf('').Key;
    const address = this.addressOf(prefix);
    return this.attempt('list', address, async () => {
      const keys: string[] = [];
      for await (const objectKey of listObjects(
        this.client,
        this.limits,
        address,
        after && root + after,
        limit,
      )) {
        const key = objectKey.slice(root.length);
        // Objects that are not blobs (those of checks, or of other programs) are skipped.
        if (isBlobKey(key)) keys.push(key);
        if (keys.length >= limit) break;
      }
      return keys;
    });
  }

  async remove(key: string): Promise<void> {
    const address = this.addressOf(checkedKey(key));
    await this.attempt('remove', address, () => this.delete(address));
  }

  makeScratch(): Promise<string> {
    return this.attempt('make a scratch folder for', this.addressOf(''), async () => {
      const folder = await this.scratch.makeFolder();
      this.cache.watch(folder);
      return folder;
    });
  }

  async check(): Promise<void> {
    const address = this.addressOf(`${SCRATCH_FOLDER}/check`);
    await this.attempt('write', address, () => this.putObject(address, new Uint8Array(1)));
  }

  async checkReads(): Promise<void> {
    const address = this.addressOf(`${SCRATCH_FOLDER}/check`);
    // A GET and not a HEAD, so that a missing bucket can be distinguished from a missing object.
    await this.attempt('read', address, async () => {
      const stream = await unlessMissing(this.stream(address));
      if (stream) await buffer(stream);
    });
  }

  /** The only place that derives an object from a key. */
  private addressOf(key: string): ObjectAddress {
    const { bucket, prefix } = this.options;
    return { Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` };
  }

  private async putObject(address: ObjectAddress, bytes: Uint8Array): Promise<void> {
    const put = new PutObjectCommand({ ...address, Body: bytes });
    await sendWithTimeout(this.limits, (options) => this.client.send(put, options), bytes.byteLength);
  }

  private head(address: ObjectAddress) {
    return sendWithTimeout(this.limits, (options) =>
      this.client.send(new HeadObjectCommand(address), options),
    );
  }

  private delete(address: ObjectAddress) {
    return sendWithTimeout(this.limits, (options) =>
      this.client.send(new DeleteObjectCommand(address), options),
    );
  }

  /**
   * The content of an object, or of a range of it. It is of a single version, even if the connection breaks in
   * between.
   */
  private async stream(address: ObjectAddress, range?: ByteRange): Promise<Readable> {
    const open = (from?: ByteRange | { start: number }, IfMatch?: string) => {
      const get = new GetObjectCommand({
        ...address,
        ...(IfMatch !== undefined && { IfMatch }),
        ...(from && { Range: `bytes=${from.start}-${'end' in from ? from.end : ''}` }),
      });
      return sendWithTimeout(this.limits, (options) => this.client.send(get, options));
    };
    const first = await open(range);
    const start = range?.start ?? 0;
    return resumingStream(first.Body as Readable, {
      bytes: first.ContentLength ?? 0,
      stallTimeoutMs: this.limits.bodyMs,
      reopen: (offset) =>
        this.attempt('read', address, async () => {
          const rest = await open({ ...range, start: start + offset }, first.ETag);
          return rest.Body as Readable;
        }),
      failed: (error) => s3Error('read', placeOf(address), error),
    });
  }

  /** The name of a local copy. Blobs with local copies are never replaced. */
  private copyName({ Bucket, Key }: ObjectAddress, bytes: number): string {
    return createHash('sha256').update(`${Bucket}\0${Key}\0${bytes}`).digest('hex');
  }

  private async attempt<T>(operation: string, at: ObjectAddress, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Error(operation, placeOf(at), error);
    }
  }
}

const placeOf = ({ Bucket, Key }: ObjectAddress): string => `s3://${Bucket}/${Key}`;

const unlessMissing = <T>(found: Promise<T>): Promise<T | undefined> =>
  found.catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
