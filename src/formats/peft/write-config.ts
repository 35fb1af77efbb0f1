import type { Adapter, ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { harmlessInit } from './init-lora-weights.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';
import { namedValues } from './named-values.ts';
import { patternEntries } from './write-patterns.ts';

/**
 * The adapter_config.json of a result: everything the source's said, in its order, except the ranks and scales, and
 * initialisations that must not happen again.
 *
 * "fold" makes every scale exactly 1: lora_alpha = r for every module, without rsLoRA. "keep" preserves each module's
 * scale s, "sqrt" lets it grow by √(old rank / new rank): lora_alpha = s·r, or s·√r where rsLoRA stays on.
 * @throws AppError CONFIG_TOO_LARGE when thousands of modules have ranks or scales of their own, FORMAT_NOT_WRITABLE for
 *   experts whose ranks the configuration cannot say
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

/** A result has to be an adapter like any other, that can be uploaded and squeezed again. */
function tooLarge(bytes: number): AppError {
  return new AppError(
    'CONFIG_TOO_LARGE',
    `the result's adapter_config.json would have ${bytes} bytes, at most ${MAX_CONFIG_BYTES}: too many modules with a ` +
      'rank of their own; ask for one rank for all (uniform)',
    { bytes, limit_bytes: MAX_CONFIG_BYTES },
  );
}

/** alpha with alpha / divisor = scale. Never rounded, but a whole number where that gives exactly the scale. */
function alphaFor(scale: number, divisor: number): number {
  const alpha = scale * divisor;
  const whole = Math.round(alpha);
  return whole / divisor === scale ? whole : alpha;
}

/** The bytes of a configuration, its fields in their order. */
export function encodeConfig(fields: ReadonlyMap<string, unknown>): Uint8Array {
  return Buffer.from(`${encode(fields, '')}\n`, 'utf8');
}

/** JSON with two spaces like PEFT's, of Maps too: their keys keep their order even when they look like integers. */
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
