import type { Adapter } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { byName } from './by-name.ts';
import type { CollectedPairs } from './collect-pairs.ts';
import { mostFrequent } from './most-frequent.ts';
import { readPair } from './read-pair.ts';

/**
 * An adapter of a format that has no place for a scale: all of them are 1.
 * @throws AppError LORA_*, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function unscaledAdapter(
  format: FormatName,
  { pairs, passthrough }: CollectedPairs,
  metadata: ReadonlyMap<string, string>,
): Adapter {
  const modules = [...pairs].map(([name, pair]) => ({ ...readPair(name, pair), scale: 1 })).sort(byName);
  const ranks = modules.map(({ rank }) => rank);
  return {
    format,
    baseModel: null,
    alpha: mostFrequent(ranks),
    configRank: ranks.reduce((largest, rank) => Math.max(largest, rank), 1),
    useRslora: false,
    modules,
    passthrough,
    hasLoraBias: false,
    config: {},
    metadata,
    warnings: [],
  };
}
