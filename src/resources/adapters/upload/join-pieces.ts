import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncomingFile } from '../../../adapter/digested-file.ts';
import { WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { isShardIndexName, readShardName } from '../../../adapter/shard-names.ts';
import { hashFile } from '../../../bytes/hash-file.ts';
import { AppError } from '../../../errors/app-error.ts';
import { joinShards } from '../../../formats/shards/join-shards.ts';

/**
 * Joins weights that were sent as several files.
 * @param pieces the files under the names with which they were sent, and their index if there is one
 * @param folder for the joined file
 * @throws AppError DUPLICATE_PART, FILE_MISSING, SHARDS_MISMATCH, ST_*, STORAGE_*
 */
export async function joinPieces(pieces: readonly IncomingFile[], folder: string): Promise<IncomingFile> {
  const [index, other] = pieces.filter(({ name }) => isShardIndexName(name));
  if (other)
    throw new AppError('DUPLICATE_PART', 'Two shard indexes were sent; send only one.', {
      name: other.name,
    });
  const files = pieces.filter(({ name }) => !isShardIndexName(name));
  const [first] = files;
  if (!first)
    throw new AppError('FILE_MISSING', `${index!.name} was sent without the shards that it names.`, {
      missing: ['weights'],
    });
  const path = join(folder, WEIGHTS_FILE);
  await joinShards(
    { files, index: index ? { name: index.name, bytes: await readFile(index.path) } : null },
    path,
  );
  const sentAs = `${readShardName(first.name)!.base}.safetensors`;
  return { name: WEIGHTS_FILE, path, ...(await hashFile(path)), sentAs };
}
