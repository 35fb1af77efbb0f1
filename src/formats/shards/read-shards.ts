import type { TensorEntry } from '../../adapter/adapter.ts';
import { checkShardSet } from '../../adapter/shard-set.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import { MAX_TENSORS } from '../../safetensors/limits.ts';
import { readHeader } from '../../safetensors/safetensors-validator.ts';
import { checkShardIndex, mismatch } from './shard-index.ts';

/** The files over which one set of weights is split. */
export interface Shards {
  /** By their names, in any order; at least one. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
  /** The file of each tensor; null if there is no index, so that the names of the files give their number. */
  readonly index: { readonly name: string; readonly bytes: Uint8Array } | null;
}

/** The headers of the files of a set, in the order of their names. */
export interface ReadShards {
  readonly parts: readonly { readonly path: string; readonly tensors: readonly TensorEntry[] }[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the headers of all files of a set, and checks that they fit together.
 * @throws AppError FILE_MISSING naming the missing files, SHARDS_MISMATCH naming the file or the tensor, ST_*
 */
export async function readShards({ files, index }: Shards): Promise<ReadShards> {
  checkShardSet(files.map(({ name }) => name));
  const parts: ReadShards['parts'][number][] = [];
  const metadata = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { name, path } of [...files].sort(byName)) {
    const header = await headerOf(name, path);
    parts.push({ path, tensors: header.tensors });
    // All files of a set have the same metadata; if they differ, those of the first file are used.
    for (const [key, value] of header.metadata) if (!metadata.has(key)) metadata.set(key, value);
    for (const { name: tensor } of header.tensors) {
      const other = owners.get(tensor);
      if (other !== undefined)
        throw mismatch(`Tensor ${quote(tensor)} is in ${quote(other)} and in ${quote(name)}`, tensor);
      owners.set(tensor, name);
    }
    if (owners.size > MAX_TENSORS) {
      throw new AppError('ST_TOO_MANY_TENSORS', `The shards have more than ${MAX_TENSORS} tensors.`, {
        tensors: owners.size,
        limit: MAX_TENSORS,
      });
    }
  }
  if (index) checkShardIndex(index, owners);
  return { parts, metadata };
}

/** The header of a shard. @throws AppError that names the file */
async function headerOf(name: string, path: string): Promise<SafetensorsHeader> {
  try {
    return await readHeader(path);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(
      error.code,
      `${quote(name)}: ${error.message}`,
      { ...error.context, file: name },
      { cause: error },
    );
  }
}
