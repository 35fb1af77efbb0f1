import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { StreamValidator } from '../../bytes/stream-validator.ts';
import { MAX_HEADER_BYTES } from '../../safetensors/limits.ts';
import { WRITE_BUFFER_BYTES } from '../../storage/durable-file.ts';
import { storageError, writeError } from '../../storage/storage-error.ts';

const LENGTH_FIELD_BYTES = 8;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Checks and hashes a file while it arrives, in pieces and perhaps in several requests. The validator refuses what is
 * wrong in its beginning, even that the header does not match the announced size; SHA-256 is computed along the way.
 */
export class UploadInspector {
  private readonly validator: StreamValidator | undefined;
  private readonly hash: Hash | undefined;
  private readonly lengthField = Buffer.alloc(LENGTH_FIELD_BYTES);
  private seenBytes = 0;
  private isChecked = false;
  private hasFailed = false;

  /**
   * @param validator undefined: the file is not a weights file
   * @param hash undefined: earlier bytes were not hashed, or no hash is needed
   */
  private constructor(validator: StreamValidator | undefined, hash: Hash | undefined) {
    this.validator = validator;
    this.hash = hash;
  }

  static fromStart(validator: StreamValidator | undefined): UploadInspector {
    return new UploadInspector(validator, createHash('sha256'));
  }

  /** For a file that is hashed elsewhere. */
  static unhashed(validator: StreamValidator | undefined): UploadInspector {
    return new UploadInspector(validator, undefined);
  }

  /** For a file that already has `bytes`: reads as much of them as the validator needs, which is the header. */
  static async resumed(
    path: string,
    bytes: number,
    validator: StreamValidator | undefined,
  ): Promise<UploadInspector> {
    if (bytes === 0) return UploadInspector.fromStart(validator);
    const watch = new UploadInspector(validator, undefined);
    if (validator) await watch.replay(path, bytes);
    watch.seenBytes = bytes;
    return watch;
  }

  get bytes(): number {
    return this.seenBytes;
  }

  /** Whether the validator has reported that no further bytes can make this a valid file. */
  get isRefused(): boolean {
    return this.hasFailed;
  }

  /** @param totalBytes null if not announced @throws AppError the errors of the validator */
  push(chunk: Uint8Array, totalBytes: number | null): void {
    this.take(chunk);
    this.hash?.update(chunk);
    // Once the header has arrived, the announced size allows the same checks as the whole file.
    if (!this.isChecked && totalBytes !== null && this.headerIsThere()) this.checkComplete(totalBytes);
  }

  /**
   * Must be called when all bytes have arrived.
   * @returns SHA-256, hex; undefined if not all of them were seen
   * @throws AppError the errors of the validator
   */
  finish(totalBytes: number): string | undefined {
    this.checkComplete(totalBytes);
    return this.hash?.digest('hex');
  }

  private checkComplete(totalBytes: number): void {
    this.isChecked = true;
    this.notingFailure(() => this.validator?.finish(totalBytes));
  }

  private notingFailure(ask: () => void): void {
    try {
      ask();
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
  }

  private take(chunk: Uint8Array): void {
    if (this.seenBytes < LENGTH_FIELD_BYTES)
      this.lengthField.set(chunk.subarray(0, LENGTH_FIELD_BYTES - this.seenBytes), this.seenBytes);
    this.seenBytes += chunk.length;
    this.notingFailure(() => this.validator?.push(chunk));
  }

  private headerIsThere(): boolean {
    return this.seenBytes >= LENGTH_FIELD_BYTES && this.seenBytes >= this.headerEnd();
  }

  private headerEnd(): number {
    return LENGTH_FIELD_BYTES + Number(this.lengthField.readBigUInt64LE());
  }

  private async replay(path: string, bytes: number): Promise<void> {
    const end = Math.min(bytes, LENGTH_FIELD_BYTES + MAX_HEADER_BYTES) - 1;
    for await (const chunk of createReadStream(path, { end, highWaterMark: CHUNK_BYTES })) {
      this.take(chunk as Buffer);
      if (this.headerIsThere()) break;
    }
    // After the header, the validator only counts bytes.
    const nothing = new Uint8Array(Math.min(CHUNK_BYTES, bytes - this.seenBytes));
    while (this.seenBytes < bytes) this.take(nothing.subarray(0, bytes - this.seenBytes));
  }
}

interface AppendLimits {
  /** The announced size; null if none was announced. */
  readonly totalBytes: number | null;
  /** Throws if the file must not become this large, or if it must no longer be written. */
  readonly refuseBeyond: (bytes: number) => void;
}

/**
 * Appends a stream to a file. When it returns, the bytes are on the disk; when it throws, a part of the stream may be
 * there and counts as arrived.
 * @param watch has seen exactly the existing bytes of the file
 * @throws AppError the errors of `refuseBeyond` and of the watch, STORAGE_*; other errors are those of the stream
 */
export async function appendFile(
  path: string,
  body: AsyncIterable<Uint8Array>,
  watch: UploadInspector,
  { totalBytes, refuseBeyond }: AppendLimits,
): Promise<void> {
  async function* watched(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      refuseBeyond(watch.bytes + chunk.length);
      watch.push(chunk, totalBytes);
      yield chunk;
    }
  }
  const file = createWriteStream(path, {
    flags: 'r+',
    start: watch.bytes,
    highWaterMark: WRITE_BUFFER_BYTES,
    flush: true,
  });
  try {
    await pipeline(body, watched, file);
  } catch (error) {
    throw writeError(error);
  }
}

/** Removes the bytes that were written last. @throws AppError STORAGE_* */
export async function cutFile(path: string, bytes: number): Promise<void> {
  try {
    await truncate(path, bytes);
  } catch (error) {
    throw storageError('write', error);
  }
}
