import { AppError } from '../errors/app-error.ts';
import {
  CARD_FILE,
  CONFIG_FILE,
  isPickleName,
  isWeightsName,
  USUAL_WEIGHTS,
  WEIGHTS_FILE,
} from './file-names.ts';
import { pickleRefused } from './pickle-refused.ts';
import { readShardName } from './shard-names.ts';
import { shardSetOf } from './shard-set.ts';

const MAX_SHOWN = 5;

/** The files of a folder that form an adapter. */
export interface ChosenFiles {
  /** One file, or all shards and their index if there is one. */
  readonly weights: readonly string[];
  /** null: the folder has none. Some formats need none. */
  readonly config: string | null;
  /** The model card; null: the folder has none. */
  readonly card: string | null;
}

/**
 * Finds an adapter among the files of a folder: the weights file with a usual name, otherwise the only weights, which may be
 * in several files (`…-00001-of-0000N.safetensors`).
 * @param names of the files in the folder, without paths, indexes of shards included
 * @param folder what messages call it
 * @throws AppError PICKLE_REFUSED if there are only pickles; FILE_MISSING if there are no weights, only a part of them, or
 *   several weights and none with a usual name; SHARDS_MISMATCH
 */
export function chooseWeights(names: readonly string[], folder: string): ChosenFiles {
  const beside = besideWeights(names);
  const usual = USUAL_WEIGHTS.find((name) => names.includes(name));
  if (usual !== undefined) return { weights: [usual], ...beside };
  const all = names.filter(isWeightsName).sort();
  const [first] = all;
  if (first !== undefined && areOfOneSet(all)) return { weights: shardSetOf(names, first), ...beside };
  if (all.length === 1) return { weights: all, ...beside };
  if (all.length > 1) throw several(all, folder);
  const pickle = names.filter(isPickleName).sort()[0];
  if (pickle !== undefined) throw pickleRefused(pickle);
  const missing = [WEIGHTS_FILE, ...(beside.config === null ? [CONFIG_FILE] : [])];
  throw new AppError(
    'FILE_MISSING',
    `${folder} contains no weights file (${WEIGHTS_FILE}, or any other .safetensors or .gguf)` +
      `${beside.config === null ? ` and no ${CONFIG_FILE}` : ''}.`,
    { folder, missing },
  );
}

/**
 * The files of an adapter whose weights are named. A file that is a part of the weights stands for all of them.
 * @param weights one of the names
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH
 */
export const chosenWeights = (names: readonly string[], weights: string): ChosenFiles => ({
  weights: readShardName(weights) ? shardSetOf(names, weights) : [weights],
  ...besideWeights(names),
});

function areOfOneSet(names: readonly string[]): boolean {
  const sets = names.map((name) => readShardName(name));
  return sets.every((set) => set && set.base === sets[0]!.base && set.count === sets[0]!.count);
}

/** The files that belong to an adapter besides its weights. */
const besideWeights = (names: readonly string[]): Omit<ChosenFiles, 'weights'> => ({
  config: names.includes(CONFIG_FILE) ? CONFIG_FILE : null,
  card: names.includes(CARD_FILE) ? CARD_FILE : null,
});

function several(all: readonly string[], folder: string): AppError {
  const shown = all.slice(0, MAX_SHOWN).map((name) => JSON.stringify(name.slice(0, 80)));
  const more = all.length > MAX_SHOWN ? ` and ${all.length - MAX_SHOWN} more` : '';
  return new AppError(
    'FILE_MISSING',
    `${folder} contains ${all.length} weights files (${shown.join(', ')}${more}), none of which has a standard name: ` +
      'specify the one to use.',
    { folder, found: all.slice(0, MAX_SHOWN), missing: [WEIGHTS_FILE] },
  );
}
