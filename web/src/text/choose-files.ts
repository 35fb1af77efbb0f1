import { chooseWeights } from '../../../src/adapter/choose-weights.ts';
import {
  CARD_FILE,
  CONFIG_FILE,
  isPickleName,
  isWeightsName,
  MAX_CARD_BYTES,
  USUAL_WEIGHTS,
} from '../../../src/adapter/file-names.ts';
import { readShardName } from '../../../src/adapter/shard-names.ts';
import { type Problem, ProblemError, problemOf } from '../api/problem.ts';
import type { AdapterFiles } from '../api/upload-adapter.ts';
import type { FoundFile } from './dropped-files.ts';

/** An adapter among the chosen files, or the reason why they contain none. */
export interface ChosenAdapter {
  /** The name by which the user knows the adapter: that of its folder, otherwise of its file. */
  readonly name: string;
  readonly files: AdapterFiles | null;
  readonly problem: Problem | null;
  /** A message that lists the files that were left out. */
  readonly note: string | null;
}

const MAX_NAMED = 3;

/**
 * The adapters among files that were dropped or picked: one for each folder with weights, and one for each
 * file of weights outside a folder. Folders inside an adapter's folder are left out, because they hold its
 * checkpoints.
 */
export function groupAdapters(found: readonly FoundFile[]): ChosenAdapter[] {
  const groups = new Map<string, FoundFile[]>();
  for (const one of found) {
    const top = one.folder.split('/', 1)[0]!;
    groups.set(top, [...(groups.get(top) ?? []), one]);
  }
  if (groups.size === 0) groups.set('', []);
  return [...groups].flatMap(([top, group]) =>
    top === '' ? withoutFolder(group.map(({ file }) => file)) : inFolder(top, group),
  );
}

function inFolder(top: string, group: readonly FoundFile[]): ChosenAdapter[] {
  const depthOf = (folder: string) => folder.split('/').length;
  const folders = new Set(group.filter(({ file }) => isWeightsName(file.name)).map(({ folder }) => folder));
  if (folders.size === 0) {
    const all = group.map(({ file }) => file);
    return [choiceOf(top, all, 'The folder')];
  }
  const depth = Math.min(...[...folders].map(depthOf));
  const taken = [...folders].filter((folder) => depthOf(folder) === depth);
  return taken.map((name) => {
    const files = group.filter(({ folder }) => folder === name).map(({ file }) => file);
    const inside = [...folders].filter((folder) => folder.startsWith(`${name}/`));
    const left = inside.map((folder) => folder.slice(name.length + 1));
    const note = left.length > 0 ? `Adapters in its subfolders were left out: ${named(left)}.` : null;
    return { ...choiceOf(name, files, 'The folder'), note };
  });
}

function withoutFolder(files: readonly File[]): ChosenAdapter[] {
  const weights = files.filter(({ name }) => isWeightsName(name));
  const configs = files.filter(({ name }) => name === CONFIG_FILE);
  const owner = USUAL_WEIGHTS.flatMap((usual) => weights.find(({ name }) => name === usual) ?? [])[0];
  const [only] = files;
  if (
    files.length === 1 &&
    !isWeightsName(only!.name) &&
    !isPickleName(only!.name) &&
    only!.name !== CONFIG_FILE
  ) {
    const what = only!.type.startsWith('image/') ? 'an image' : 'not an adapter';
    const detail = `${only!.name} is ${what}. Choose a .safetensors or .gguf file, or the folder of an adapter.`;
    return [{ name: only!.name, files: null, problem: notFound(detail).problem, note: null }];
  }
  const areParts = weights.every(({ name }) => readShardName(name));
  if (weights.length < 2 || areParts) {
    const name = weights[0]?.name ?? named(files.map((file) => file.name));
    return [choiceOf(name, files, files.length === 1 ? 'The file' : 'The selection')];
  }
  if (configs.length > 1 || (configs.length === 1 && !owner)) {
    const problem = notFound(
      `It is not clear which of ${named(weights.map(({ name }) => name))} the ${CONFIG_FILE} belongs to. Choose the folder of each adapter instead.`,
    );
    return [
      { name: named(weights.map(({ name }) => name)), files: null, problem: problem.problem, note: null },
    ];
  }
  return weights.map((file) => ({
    name: file.name,
    files: { weights: file, config: file === owner ? (configs[0] ?? null) : null, card: null },
    problem: null,
    note: null,
  }));
}

/**
 * An adapter of one folder or file. A single pickle file is sent too, so that the service explains why it
 * refuses it.
 */
function choiceOf(name: string, files: readonly File[], what: string): ChosenAdapter {
  const fileOf = (wanted: string) => files.find((file) => file.name === wanted) ?? null;
  const config = fileOf(CONFIG_FILE);
  const readme = fileOf(CARD_FILE);
  // The service reads no more of a card than its beginning.
  const card = readme && new File([readme.slice(0, MAX_CARD_BYTES)], CARD_FILE);
  const choice = { name, files: null, problem: null, note: null };
  const others = files.filter((file) => file !== config);
  if (others.length === 1 && isPickleName(others[0]!.name))
    return { ...choice, files: { weights: others[0]!, config, card: null } };
  try {
    const chosen = chooseWeights(
      files.map((file) => file.name),
      what,
    );
    const [weights, ...more] = chosen.weights.map((one) => fileOf(one)!);
    return { ...choice, files: { weights: weights!, ...(more.length > 0 && { more }), config, card } };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { ...choice, problem: problemOf(notFound(message, code)) };
  }
}

const notFound = (detail: string, code = 'FILE_MISSING') =>
  new ProblemError({ title: 'No adapter was found', detail, code, status: 0, retryable: false });

function named(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
