import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** Size and digest of the bytes that were read. */
export interface Digested {
  /** In hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

type Bytes = AsyncIterable<Uint8Array>;

/** Reads a source to its end. @throws the errors of the source; the signal's reason */
export async function digestOf(source: Bytes, signal: AbortSignal): Promise<Digested> {
  const count = { sha256: createHash('sha256'), bytes: 0 };
  for await (const _ of counted(source, count)) signal.throwIfAborted();
  return result(count);
}

/** Writes a source to a new file. @throws the errors of the source; errors of the file system; the signal's reason */
export async function writeDigested(source: Bytes, path: string, signal: AbortSignal): Promise<Digested> {
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
