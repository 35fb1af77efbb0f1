import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** What went by. */
export interface Digested {
  /** Hex. */
  readonly sha256: string;
  readonly bytes: number;
}

type Bytes = AsyncIterable<Uint8Array>;

/** Reads to the end. @throws what the source fails with; the signal's reason */
export async function digested(source: Bytes, signal: AbortSignal): Promise<Digested> {
  const count = { sha256: createHash('sha256'), bytes: 0 };
  for await (const _ of counted(source, count)) signal.throwIfAborted();
  return result(count);
}

/** Writes to a new file. @throws what the source fails with; errors of the file system; the signal's reason */
export async function written(source: Bytes, path: string, signal: AbortSignal): Promise<Digested> {
  const count = { sha256: createHash('sha256'), bytes: 0 };
  try {
    await pipeline(counted(source, count), createWriteStream(path, { flags: 'wx' }), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return result(count);
}

interface Count {
  readonly sha256: Hash;
  bytes: number;
}

async function* counted(source: Bytes, count: Count): Bytes {
  for await (const chunk of source) {
    count.sha256.update(chunk);
    count.bytes += chunk.byteLength;
    yield chunk;
  }
}

const result = ({ sha256, bytes }: Count): Digested => ({ sha256: sha256.digest('hex'), bytes });
