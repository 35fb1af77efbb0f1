import { AppError } from '../errors/app-error.ts';
import { isShardIndexName, MAX_SHARDS, readShardName, shardName } from './shard-names.ts';

const MAX_SHOWN = 5;
const MAX_SHOWN_CHARACTERS = 80;

/**
 * The files of the set that a shard belongs to, and the index of that set if there is one.
 * @param names of the folder's files, without paths
 * @param shard one of them
 * @returns the shards in the order of their names, then the index
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH
 */
export function shardSetOf(names: readonly string[], shard: string): string[] {
  const { base, count } = readShardName(shard)!;
  const files = names.filter((name) => {
    const own = readShardName(name);
    return own?.base === base && own.count === count;
  });
  checkShardSet(files);
  const index = names.filter((name) => isShardIndexName(name) && name.startsWith(`${base}.safetensors`));
  return [...files.sort(), ...index];
}

/**
 * Refuses files that are not one set, or not all of one.
 * @param names of files that are shards by their names, at least one
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH
 */
export function checkShardSet(names: readonly string[]): void {
  const shards = names.map((name) => ({ name, ...readShardName(name)! }));
  const [first] = shards;
  const { base, count } = first!;
  const other = shards.find((shard) => shard.base !== base || shard.count !== count);
  if (other)
    throw mismatch(`${shown(first!.name)} and ${shown(other.name)} belong to different sets of files`);
  const extra = shards.find(({ number }) => number < 1 || number > count);
  if (extra) throw mismatch(`${shown(extra.name)} has a number outside 1 to ${count}`);
  if (count > MAX_SHARDS)
    throw mismatch(
      `${shown(first!.name)} is one of ${count} files; weights may be split into at most ${MAX_SHARDS}`,
    );
  const present = new Set(shards.map(({ number }) => number));
  if (present.size < shards.length)
    throw mismatch(`Two files of the set to which ${shown(first!.name)} belongs have the same number`);
  const missing = Array.from({ length: count }, (_, at) => at + 1)
    .filter((number) => !present.has(number))
    .map((number) => shardName({ base, number, count }));
  if (missing.length === 0) return;
  const more = missing.length > MAX_SHOWN ? `, and ${missing.length - MAX_SHOWN} more` : '';
  throw new AppError(
    'FILE_MISSING',
    `The weights are in ${count} files, and these are missing: ${missing.slice(0, MAX_SHOWN).map(shown).join(', ')}${more}.`,
    { missing: missing.slice(0, MAX_SHOWN) },
  );
}

const shown = (name: string): string => JSON.stringify(name.slice(0, MAX_SHOWN_CHARACTERS));

const mismatch = (what: string): AppError => new AppError('SHARDS_MISMATCH', `${what}.`, { tensor: null });
