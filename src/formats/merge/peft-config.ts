import { isDeepStrictEqual } from 'node:util';
import { changesBaseWeights, harmlessInit } from '../peft/init-lora-weights.ts';
import type { MergeTerm, StackedModule } from './merge-modules.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields that select the modules that PEFT adapts. They belong together, because one may exclude what another lists. */
const SELECTION = ['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern'];

/**
 * The configuration of a sum of PEFT's adapters: that of the first, with modules and heads of all the adapters. The
 * writer sets ranks and scales.
 */
export function mergeConfig(terms: readonly MergeTerm[], modules: readonly StackedModule[]): Fields {
  const configs = terms.map(({ adapter }) => adapter.config);
  const changes = [
    ['base_model_name_or_path', terms.find(({ adapter }) => adapter.baseModel)?.adapter.baseModel ?? null],
    ...selection(configs, modules),
    ...unionOf(configs, 'modules_to_save'),
    ...biasOf(configs),
    ...(terms.some(({ adapter }) => adapter.hasLoraBias) ? [['lora_bias', true] as const] : []),
    ...initOf(configs),
  ] as const;
  return { ...configs[0]!, ...Object.fromEntries(changes) };
}

/** The selection of the adapters if they agree, or the union of their lists; otherwise every module by its full path. */
function selection(configs: readonly Fields[], modules: readonly StackedModule[]): [string, unknown][] {
  const rest = SELECTION.slice(1);
  if (agree(configs, SELECTION)) return [];
  const areOnlyLists =
    configs.every(({ target_modules }) => Array.isArray(target_modules)) &&
    rest.every((field) => configs.every((config) => isEmpty(config[field])));
  const targets = areOnlyLists
    ? [...new Set(configs.flatMap(({ target_modules }) => target_modules as string[]))]
    : // Experts are parameters, which have a list of their own.
      modules.flatMap(({ like }) => (like.expert ? [] : [like.name]));
  const inUse = rest.filter((field) => configs.some((config) => !isEmpty(config[field])));
  return [['target_modules', targets], ...inUse.map((field): [string, unknown] => [field, null])];
}

function unionOf(configs: readonly Fields[], field: string): [string, unknown][] {
  const lists = configs.map((config) => config[field]).filter((value) => !isEmpty(value));
  if (lists.length === 0) return [];
  return [[field, [...new Set(lists.flat())]]];
}

/** PEFT saves and loads the biases that this field names; "all" includes the other values. */
function biasOf(configs: readonly Fields[]): [string, unknown][] {
  const values = new Set(configs.map(({ bias }) => bias ?? 'none'));
  values.delete('none');
  if (values.size === 0) return [];
  return [['bias', values.size === 1 ? [...values][0] : 'all']];
}

/** Prevents that loading the sum initialises anything from data, whichever adapter had asked for it. */
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
