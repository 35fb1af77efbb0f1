import { type FileHandle, open } from 'node:fs/promises';
import type { TensorEntry } from '../../adapter/adapter.ts';
import { type SharedTensor, tensorConflict } from '../../formats/peft/merge-modules.ts';
import type { SourceFiles } from '../job-context.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Sees to it that tensors which are carried over are the same in all adapters that have them.
 * @throws AppError MERGE_TENSOR_CONFLICT naming the tensor and two adapters
 */
export async function refuseConflicts(
  tensors: readonly SharedTensor[],
  files: ReadonlyMap<string, Pick<SourceFiles, 'weightsPath'>>,
): Promise<void> {
  for (const { name, holders } of tensors) {
    const [first, ...others] = holders;
    for (const other of others) {
      const paths = [first!, other].map(({ id }) => files.get(id)!.weightsPath) as [string, string];
      if (!(await haveSameBytes(paths, first!.entry, other.entry)))
        throw tensorConflict(name, first!.id, other.id);
    }
  }
}

async function haveSameBytes(
  [pathX, pathY]: [string, string],
  x: TensorEntry,
  y: TensorEntry,
): Promise<boolean> {
  const bytes = x.endByte - x.beginByte;
  const [fileX, fileY] = await Promise.all([open(pathX, 'r'), open(pathY, 'r')]);
  try {
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, bytes - at);
      const [chunkX, chunkY] = await Promise.all([
        readExactly(fileX, x.beginByte + at, length),
        readExactly(fileY, y.beginByte + at, length),
      ]);
      if (!chunkX.equals(chunkY)) return false;
    }
    return true;
  } finally {
    await Promise.all([fileX.close(), fileY.close()]);
  }
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const chunk = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(chunk, done, length - done, position + done);
    // The header was checked against the file's size; a shorter file now differs from whatever it is compared with.
    if (bytesRead === 0) return chunk.subarray(0, done);
    done += bytesRead;
  }
  return chunk;
}
