import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;
/**
 * Buffers that are reused: if a stream allocated one for each chunk, V8 would collect garbage after every other small
 * adapter.
 */
const spare: Buffer[] = [];
const MAX_SPARE = 4;

/**
 * SHA-256 and size of a file on the disk.
 * @throws errors of the file system; AbortError if the signal is aborted
 */
export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'r');
  const chunk = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, bytes);
      if (bytesRead === 0) break;
      hash.update(chunk.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    if (spare.length < MAX_SPARE) spare.push(chunk);
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}
