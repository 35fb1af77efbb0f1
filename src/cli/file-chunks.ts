import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const CHUNK_BYTES = 1024 * 1024;

/**
 * The bytes of a file, each chunk hashed as it passes.
 * @throws errors of the file system; AbortError when the signal fires
 */
export async function* fileChunks(path: string, hash: Hash, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
}
