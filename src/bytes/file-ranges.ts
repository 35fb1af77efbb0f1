import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';

const CHUNK_BYTES = 1024 * 1024;

export interface RangeCopy {
  readonly beginByte: number;
  readonly endByte: number;
  /** First byte in the target. */
  readonly to: number;
}

/** Copies byte ranges of one file to places in another, a chunk at a time. */
export async function copyRanges(
  sourcePath: string,
  target: FileHandle,
  ranges: readonly RangeCopy[],
): Promise<void> {
  if (ranges.length === 0) return;
  const source = await open(sourcePath, 'r');
  const chunk = new Uint8Array(CHUNK_BYTES);
  try {
    for (const { beginByte, endByte, to } of ranges) {
      for (let at = beginByte; at < endByte; ) {
        const { bytesRead } = await source.read(chunk, 0, Math.min(CHUNK_BYTES, endByte - at), at);
        if (bytesRead === 0) throw new AppError('STORAGE_FAILED', `The weights end before byte ${endByte}.`);
        await writeFully(target, chunk.subarray(0, bytesRead), to + at - beginByte);
        at += bytesRead;
      }
    }
  } finally {
    await source.close();
  }
}

/** @throws AppError STORAGE_FAILED naming the tensor if the file ends too early */
export async function readFully(
  file: FileHandle,
  into: Uint8Array,
  position: number,
  tensor: string,
): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new AppError('STORAGE_FAILED', `The weights end inside tensor "${tensor}".`);
    done += bytesRead;
  }
}

export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
