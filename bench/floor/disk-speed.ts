import { open, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

const CHUNK_BYTES = 4 * 2 ** 20;

/** Seconds to read all bytes of a file once, with as many parallel readers as cores, into buffers that are reused. */
export async function readOnce(path: string): Promise<number> {
  const { size } = await stat(path);
  const file = await open(path);
  try {
    const startedMs = performance.now();
    let next = 0;
    const reader = async () => {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      while (next < size) {
        const position = next;
        next += CHUNK_BYTES;
        await file.read(buffer, 0, CHUNK_BYTES, position);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, reader));
    return (performance.now() - startedMs) / 1000;
  } finally {
    await file.close();
  }
}

/** Seconds to write this many bytes to a new file and to flush them to disk (fsync). The file is removed. */
export async function writeOnce(path: string, bytes: number): Promise<number> {
  // Not zeros: a file system may treat those specially.
  const buffer = Buffer.alloc(CHUNK_BYTES, 'lora');
  const file = await open(path, 'w');
  try {
    const startedMs = performance.now();
    for (let written = 0; written < bytes; written += CHUNK_BYTES) {
      await file.write(buffer, 0, Math.min(CHUNK_BYTES, bytes - written), written);
    }
    await file.sync();
    return (performance.now() - startedMs) / 1000;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
