import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../errors/app-error.ts';

/** @throws AppError STORAGE_FAILED naming the tensor where the file ends too early */
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
