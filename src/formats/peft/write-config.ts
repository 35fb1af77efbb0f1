import type { Adapter, ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { expertParameters } from './expert-parameters.ts';
import { harmlessInit } from './init-lora-weights.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';
import { readPeftKey } from './tensor-keys.ts';
import { patternEntries } from './write-patterns.ts';

/**
 * The adapter_config.json of a result: that of the source, in its order, with new ranks and scales, and without
 * initialisations that must not be repeated.
 *
 * "fold" makes every scale exactly 1: lora_alpha = r for every module, without rsLoRA. "keep" preserves each module's
 * scale s, "sqrt" lets it grow by √(old rank / new rank): lora_alpha = s·r, or s·√r with rsLoRA.
 * @throws AppError CONFIG_TOO_LARGE if thousands of modules have ranks or scales of their own, FORMAT_NOT_WRITABLE for
 *   experts whose ranks the configuration cannot express
 */
export function writeConfig(adapter: Adapter, plans: readonly ModulePlan[], scale: ScaleMode): Uint8Array {
  const useRslora = scale !== 'fold' && adapter.useRslora;
  const alphaOf = ({ module, rank }: ModulePlan): number =>
    scale === 'fold'
      ? rank
      : alphaFor(remainingScale(scale, module, rank), useRslora ? Math.sqrt(rank) : rank);
  const ranks = namedValues(adapter, plans, ({ rank }) => rank);
  const alphas = namedValues(adapter, plans, alphaOf);
  // Servers compare r with their limit and size their buffers by it, so it has to be the largest.
  const rank = ranks.reduce((largest, { value }) => Math.max(largest, value), 1);
  const alpha = scale === 'fold' ? rank : mostFrequent(alphas.map(({ value }) => value));
  const changes = new Map<string, unknown>([
    ['r', rank],
    ['lora_alpha', alpha],
    ['use_rslora', useRslora],
    ['rank_pattern', new Map(patternEntries(ranks, rank))],
    ['alpha_pattern', new Map(patternEntries(alphas, alpha))],
    ...harmlessInit(adapter.config),
  ]);
  const fields = new Map<string, unknown>(Object.entries(adapter.config));
  for (const [field, value] of changes) fields.set(field, value);
  const bytes = encodeConfig(fields);
  if (bytes.length > MAX_CONFIG_BYTES) throw tooLarge(bytes.length);
  return bytes;
}

/**
 * Ranks or alphas under the names that PEFT looks for in rank_pattern and alpha_pattern: the path of a module, but the
 * full name of a parameter. Experts that share a tensor have one value. If the files do not show which parameter a
 * module stands for, all possible ones get the value.
 * @throws AppError FORMAT_NOT_WRITABLE if one of these would have two values
 */
function namedValues(
  adapter: Pick<Adapter, 'config'>,
  plans: readonly ModulePlan[],
  take: (plan: ModulePlan) => number,
): { readonly name: string; readonly value: number }[] {
  const paths = plans.map(({ module }) => pathOf(module.a.name));
  const parameters = expertParameters(new Set(paths), targetsOf(adapter));
  const values = new Map<string, number>();
  for (const [index, plan] of plans.entries()) {
    const { module } = plan;
    const found = parameters.get(paths[index]!) ?? [];
    for (const name of module.expert ? found : [module.name, ...found]) {
      const value = take(plan);
      if ((values.get(name) ?? value) !== value) throw twoValues(name);
      values.set(name, value);
    }
  }
  return [...values].map(([name, value]) => ({ name, value }));
}

const targetsOf = ({ config: { target_parameters: targets } }: Pick<Adapter, 'config'>): string[] =>
  Array.isArray(targets) ? (targets as string[]) : [];

/** The path in the name of a factor; the name itself for factors of other formats. */
function pathOf(tensor: string): string {
  const key = readPeftKey(tensor);
  return key.role === 'factor' ? key.module : tensor;
}

function twoValues(name: string): AppError {
  return new AppError(
    'FORMAT_NOT_WRITABLE',
    `PEFT stores one rank and one alpha for ${quote(name)}, but its factors would need two different ranks or alphas. Request one rank for all modules ("uniform": true).`,
    { name },
  );
}

/** alpha with alpha / divisor = scale. Never rounded, but a whole number if that gives exactly the scale. */
function alphaFor(scale: number, divisor: number): number {
  const alpha = scale * divisor;
  const whole = Math.round(alpha);
  return whole / divisor === scale ? whole : alpha;
}

/** A result must be an adapter that can be uploaded and squeezed again. */
function tooLarge(bytes: number): AppError {
  return new AppError(
    'CONFIG_TOO_LARGE',
    `The result's adapter_config.json would have ${bytes} bytes, but may have at most ${MAX_CONFIG_BYTES}, because too many modules have a ` +
      'rank of their own. Request one rank for all modules ("uniform": true).',
    { bytes, limit_bytes: MAX_CONFIG_BYTES },
  );
}

/** The bytes of a configuration, its fields in their order. */
export function encodeConfig(fields: ReadonlyMap<string, unknown>): Uint8Array {
  return Buffer.from(`${encode(fields, '')}\n`, 'utf8');
}

/** JSON indented by two spaces as PEFT writes it, also of Maps, whose keys keep their order even if they look like integers. */
function encode(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  const entries =
    value instanceof Map
      ? [...(value as Map<string, unknown>)]
      : typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value)
        : undefined;
  if (!entries && !Array.isArray(value)) return JSON.stringify(value);
  const [open, close] = entries ? '{}' : '[]';
  const lines = entries
    ? entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${encode(item, inner)}`)
    : (value as unknown[]).map((item) => `${inner}${encode(item, inner)}`);
  return lines.length === 0 ? `${open}${close}` : `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}
