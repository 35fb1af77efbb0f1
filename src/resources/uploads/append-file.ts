import { createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { WRITE_BUFFER_BYTES } from '../../storage/durable-file.ts';
import { storageError, writeError } from '../../storage/storage-error.ts';
import type { ContentWatch } from './content-watch.ts';

export interface AppendLimits {
  /** What was announced; null: nothing. */
  readonly totalBytes: number | null;
  /** Throws when the file may not become as large as this, or nothing may be written to it any more. */
  readonly refuseBeyond: (bytes: number) => void;
}

/**
 * Writes a stream behind the bytes that a file has. What it returns of is on the disk; when it throws, some of the
 * stream may be there and counts as arrived.
 * @param watch has seen exactly the bytes of the file
 * @throws AppError what `refuseBeyond` throws and the watch finds, STORAGE_*; other errors are those of the stream
 */
export async function appendFile(
  path: string,
  body: AsyncIterable<Uint8Array>,
  watch: ContentWatch,
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

/** Takes back what was written last. @throws AppError STORAGE_* */
export async function cutFile(path: string, bytes: number): Promise<void> {
  try {
    await truncate(path, bytes);
  } catch (error) {
    throw storageError('write', error);
  }
}
