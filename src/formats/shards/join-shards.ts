import { open } from 'node:fs/promises';
import { copyRanges, writeFully } from '../../bytes/file-ranges.ts';
import { layOut } from '../../safetensors/layout.ts';
import { readShards, type Shards } from './read-shards.ts';

/**
 * Writes the tensors of all shards into one file, as if the weights had never been split.
 * @param path of the file, which must not exist
 * @throws AppError FILE_MISSING naming the missing files, SHARDS_MISMATCH naming the file or the tensor, ST_*
 */
export async function joinShards(shards: Shards, path: string): Promise<void> {
  const { parts, metadata } = await readShards(shards);
  const { headerBytes, offsets, totalBytes } = layOut(
    parts.flatMap(({ tensors }) => tensors),
    metadata,
  );
  const file = await open(path, 'wx');
  try {
    await file.truncate(totalBytes);
    await writeFully(file, headerBytes, 0);
    let next = 0;
    for (const { path: from, tensors } of parts) {
      const ranges = tensors.map((entry) => ({ ...entry, to: offsets[next++]! }));
      await copyRanges(from, file, ranges);
    }
  } finally {
    await file.close();
  }
}
