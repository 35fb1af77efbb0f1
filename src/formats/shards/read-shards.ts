import type { TensorEntry } from '../../adapter/adapter.ts';
import { MAX_SHARDS, readShardName, shardName } from '../../adapter/shard-names.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote, quoteSome } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import { readHeader } from '../../safetensors/header-gate.ts';
import { MAX_TENSORS } from '../../safetensors/limits.ts';
import { byName } from '../pairs/by-name.ts';
import { checkShardIndex, mismatch } from './shard-index.ts';

const MAX_SHOWN = 5;

/** The files that one set of weights was cut into. */
export interface Shards {
  /** By their own names, in any order; at least one. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
  /** Which file has which tensor; null if there is no index, and the names of the files say how many there are. */
  readonly index: { readonly name: string; readonly bytes: Uint8Array } | null;
}

/** What the files of a set have, in the order of their names. */
export interface ReadShards {
  readonly parts: readonly { readonly path: string; readonly tensors: readonly TensorEntry[] }[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the headers of all files of a set, and sees to it that they fit together.
 * @throws AppError FILE_MISSING naming the files that are not there, SHARDS_MISMATCH naming the file or the tensor, ST_*
 */
export async function readShards({ files, index }: Shards): Promise<ReadShards> {
  checkShardSet(files.map(({ name }) => name));
  const parts: ReadShards['parts'][number][] = [];
  const metadata = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { name, path } of [...files].sort(byName)) {
    const header = await headerOf(name, path);
    parts.push({ path, tensors: header.tensors });
    // Each says of itself what all say; of two that differ the first counts.
    for (const [key, value] of header.metadata) if (!metadata.has(key)) metadata.set(key, value);
    for (const { name: tensor } of header.tensors) {
      const other = owners.get(tensor);
      if (other !== undefined)
        throw mismatch(`Tensor ${quote(tensor)} is in ${quote(other)} and in ${quote(name)}`, tensor);
      owners.set(tensor, name);
    }
    if (owners.size > MAX_TENSORS) {
      throw new AppError('ST_TOO_MANY_TENSORS', `the shards have more than ${MAX_TENSORS} tensors`, {
        tensors: owners.size,
        limit: MAX_TENSORS,
      });
    }
  }
  if (index) checkShardIndex(index, owners);
  return { parts, metadata };
}

/**
 * Refuses files that are not one set, or not all of one.
 * @param names of files that are shards by their names
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH
 */
export function checkShardSet(names: readonly string[]): void {
  const shards = names.map((name) => ({ name, ...readShardName(name)! }));
  const [first] = shards;
  const { base, count } = first!;
  const other = shards.find((shard) => shard.base !== base || shard.count !== count);
  if (other) throw mismatch(`${quote(first!.name)} and ${quote(other.name)} are of different sets`, null);
  const extra = shards.find(({ number }) => number < 1 || number > count);
  if (extra) throw mismatch(`${quote(extra.name)} is none of ${count} files`, null);
  if (count > MAX_SHARDS)
    throw mismatch(`${quote(first!.name)} is one of ${count} files, at most ${MAX_SHARDS}`, null);
  const there = new Set(shards.map(({ number }) => number));
  const missing = Array.from({ length: count }, (_, at) => at + 1)
    .filter((number) => !there.has(number))
    .map((number) => shardName({ base, number, count }));
  if (missing.length === 0) return;
  throw new AppError(
    'FILE_MISSING',
    `The weights are in ${count} files, and these are not there: ${quoteSome(missing, MAX_SHOWN)}.`,
    {
      missing: missing.slice(0, MAX_SHOWN),
    },
  );
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
