import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../errors/app-error.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { changesBaseWeights, harmlessInit } from './init-lora-weights.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';
import type { MergeTerm, StackedModule } from './merge-modules.ts';
import { encodeConfig } from './write-config.ts';
import { patternEntries } from './write-patterns.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields that say which modules PEFT adapts. They belong together: what one lists, another may take away. */
const SELECTION = ['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern'];

/**
 * The adapter_config.json of a stack: that of the first adapter, with the ranks of the stack, every scale 1 (the
 * weights and scales are in the factors), and modules and heads of all the adapters.
 * @throws AppError CONFIG_TOO_LARGE when thousands of modules have ranks of their own
 */
export function mergeConfig(terms: readonly MergeTerm[], modules: readonly StackedModule[]): Uint8Array {
  const configs = terms.map(({ adapter }) => adapter.config);
  const [first] = configs;
  const ranks = modules.map(({ like, rank }) => ({ name: like.name, value: rank }));
  // The most frequent, so that few modules have to be named.
  const rank = mostFrequent(ranks.map(({ value }) => value));
  const pattern = new Map(patternEntries(ranks, rank));
  const changes = new Map<string, unknown>([
    ['base_model_name_or_path', terms.find(({ adapter }) => adapter.baseModel)?.adapter.baseModel ?? null],
    ['r', rank],
    ['lora_alpha', rank],
    ['use_rslora', false],
    ['rank_pattern', pattern],
    ['alpha_pattern', pattern],
    ...selection(configs, modules),
    ...unionOf(configs, 'modules_to_save'),
    ...biasOf(configs),
    ...initOf(configs),
  ]);
  const fields = new Map<string, unknown>(Object.entries(first!));
  for (const [field, value] of changes) fields.set(field, value);
  const bytes = encodeConfig(fields);
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new AppError(
      'CONFIG_TOO_LARGE',
      `merge: adapter_config.json would have ${bytes.length} bytes, at most ${MAX_CONFIG_BYTES}: the adapters differ in ` +
        'too many modules',
      { bytes: bytes.length, limit_bytes: MAX_CONFIG_BYTES },
    );
  }
  return bytes;
}

/** As the adapters say where they agree, or the union of their lists; else every module by its full path. */
function selection(configs: readonly Fields[], modules: readonly StackedModule[]): [string, unknown][] {
  const rest = SELECTION.slice(1);
  if (agree(configs, SELECTION)) return [];
  const areOnlyLists =
    configs.every(({ target_modules }) => Array.isArray(target_modules)) &&
    rest.every((field) => configs.every((config) => isEmpty(config[field])));
  const targets = areOnlyLists
    ? [...new Set(configs.flatMap(({ target_modules }) => target_modules as string[]))]
    : modules.map(({ like }) => like.name);
  const inUse = rest.filter((field) => configs.some((config) => !isEmpty(config[field])));
  return [['target_modules', targets], ...inUse.map((field): [string, unknown] => [field, null])];
}

function unionOf(configs: readonly Fields[], field: string): [string, unknown][] {
  const lists = configs.map((config) => config[field]).filter((value) => !isEmpty(value));
  if (lists.length === 0) return [];
  return [[field, [...new Set(lists.flat())]]];
}

/** PEFT saves and loads the biases that this field names; "all" includes the others. */
function biasOf(configs: readonly Fields[]): [string, unknown][] {
  const values = new Set(configs.map(({ bias }) => bias ?? 'none'));
  values.delete('none');
  if (values.size === 0) return [];
  return [['bias', values.size === 1 ? [...values][0] : 'all']];
}

/** Nothing may be initialised from data when the sum is loaded, whichever adapter asked for it. */
function initOf(configs: readonly Fields[]): [string, unknown][] {
  const changing = configs.find(({ init_lora_weights }) => changesBaseWeights(init_lora_weights));
  return [...harmlessInit(changing ?? configs[0]!)];
}

const agree = (configs: readonly Fields[], fields: readonly string[]): boolean =>
  fields.every((field) =>
    configs.every((config) => isDeepStrictEqual(asSet(config[field]), asSet(configs[0]![field]))),
  );

const asSet = (value: unknown): unknown =>
  isEmpty(value) ? null : Array.isArray(value) ? new Set(value) : value;

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
