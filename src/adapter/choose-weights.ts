import { AppError } from '../errors/app-error.ts';
import { CONFIG_FILE, isPickleName, isWeightsName, USUAL_WEIGHTS, WEIGHTS_FILE } from './file-names.ts';
import { pickleRefused } from './pickle-refused.ts';

const MAX_SHOWN = 5;

/** The files of a folder that form an adapter. */
export interface ChosenFiles {
  readonly weights: string;
  /** null: the folder has none. Some formats need none. */
  readonly config: string | null;
}

/**
 * Finds an adapter among the files of a folder: the weights file with a usual name, otherwise the only weights file.
 * @param names of the files in the folder, without paths
 * @param folder what messages call it
 * @throws AppError PICKLE_REFUSED if there are only pickles, FILE_MISSING if there are no weights, or several weights
 *   files and none with a usual name
 */
export function chooseWeights(names: readonly string[], folder: string): ChosenFiles {
  const config = names.includes(CONFIG_FILE) ? CONFIG_FILE : null;
  const usual = USUAL_WEIGHTS.find((name) => names.includes(name));
  if (usual !== undefined) return { weights: usual, config };
  const all = names.filter(isWeightsName).sort();
  if (all.length === 1) return { weights: all[0]!, config };
  if (all.length > 1) throw several(all, folder);
  const pickle = names.filter(isPickleName).sort()[0];
  if (pickle !== undefined) throw pickleRefused(pickle);
  const missing = [WEIGHTS_FILE, ...(config === null ? [CONFIG_FILE] : [])];
  throw new AppError(
    'FILE_MISSING',
    `${folder} has no ${missing.join(' and no ')}, nor any other weights file (.safetensors, .gguf).`,
    { folder, missing },
  );
}

function several(all: readonly string[], folder: string): AppError {
  const shown = all.slice(0, MAX_SHOWN).map((name) => JSON.stringify(name.slice(0, 80)));
  const more = all.length > MAX_SHOWN ? ` and ${all.length - MAX_SHOWN} more` : '';
  return new AppError(
    'FILE_MISSING',
    `${folder} has ${all.length} weights files, ${shown.join(', ')}${more}, and none of a usual name: name ` +
      'the one to use.',
    { folder, found: all.slice(0, MAX_SHOWN), missing: [WEIGHTS_FILE] },
  );
}
