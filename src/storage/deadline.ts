import { close, createReadStream, open, type ReadStream, read } from 'node:fs';
import type { ByteRange } from './blob-store.ts';
import { storageError } from './storage-error.ts';

/** How long a storage may be silent while a caller waits for it, in milliseconds. */
export const DEFAULT_IDLE_TIMEOUT_MS = 30_000;

/** The `code` is the one of the system for a network file system that has timed out by itself. */
const timedOut = (timeoutMs: number): NodeJS.ErrnoException =>
  Object.assign(new Error(`nothing arrived for ${timeoutMs} ms`), { code: 'ETIMEDOUT' });

/**
 * Waits for file operations, for at most `timeoutMs`. They cannot be cancelled (a network file system whose server
 * has disappeared holds them indefinitely), so they continue, and their end is ignored.
 * @throws Error ETIMEDOUT, and the errors of `work`
 */
export async function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A stream of a file that fails (STORAGE_FAILED, ETIMEDOUT) if the file system does not answer a read within
 * `timeoutMs`. The speed of its reader does not matter.
 */
export function fileStream(path: string, timeoutMs: number, range: Partial<ByteRange> = {}): ReadStream {
  const timedRead: typeof read = ((
    fd: number,
    buffer: NodeJS.ArrayBufferView,
    offset: number,
    length: number,
    position: number | null,
    callback: (
      error: NodeJS.ErrnoException | null,
      bytesRead: number,
      buffer: NodeJS.ArrayBufferView,
    ) => void,
  ) => {
    let isOver = false;
    const finish: typeof callback = (...outcome) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      const [error, ...rest] = outcome;
      callback(error && storageError('read', error), ...rest);
    };
    const timer = setTimeout(() => finish(timedOut(timeoutMs), 0, buffer), timeoutMs);
    read(fd, buffer, offset, length, position, finish);
  }) as typeof read;
  return createReadStream(path, { ...range, fs: { open, close, read: timedRead } });
}
