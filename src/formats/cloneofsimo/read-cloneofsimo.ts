import type { Adapter, LoraModule } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import { collectPairs } from '../pairs/collect-pairs.ts';
import { unscaledAdapter } from '../pairs/unscaled-adapter.ts';
import { rankKeyOf, readCloneofsimoKey } from './tensor-keys.ts';

/**
 * Reads a file of cloneofsimo/lora (lora_diffusion/lora.py, `parse_safeloras`). The scale is chosen when it is applied;
 * here it is 1. A module is called "unet:12": the file does not say which layer that is. Learned embeddings, whose
 * metadata says "<embed>", are carried over.
 * @throws AppError CONFIG_RANK, CONFIG_RANK_MISMATCH, FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT
 */
export function readCloneofsimo({ tensors, metadata }: SafetensorsHeader): Adapter {
  const collected = collectPairs('cloneofsimo', tensors, readCloneofsimoKey);
  const adapter = unscaledAdapter('cloneofsimo', collected, metadata);
  const unknown = adapter.modules.filter((module) => !hasRank(module, metadata));
  const models = new Set(adapter.modules.map(({ name }) => name.slice(0, name.indexOf(':'))));
  const untold = [...models].filter((model) => !metadata.has(model));
  return { ...adapter, warnings: [...rankWarning(unknown), ...targetWarning(untold)] };
}

/** Whether the metadata tells the rank, which then has to be that of the tensors. */
function hasRank({ name, a, rank }: LoraModule, metadata: ReadonlyMap<string, string>): boolean {
  const key = rankKeyOf(a.name);
  const told = metadata.get(key);
  if (told === undefined) return false;
  if (!/^[1-9]\d{0,8}$/.test(told)) {
    throw new AppError(
      'CONFIG_RANK',
      `metadata ${quote(key)}: must be a positive integer, not ${quote(told)}`,
      {
        field: key,
      },
    );
  }
  if (Number(told) === rank) return true;
  throw new AppError(
    'CONFIG_RANK_MISMATCH',
    `module ${quote(name)}: the tensors have rank ${rank}, ${quote(key)} of the metadata says ${told}`,
    { module: name, rank, told: Number(told) },
  );
}

const rankWarning = (modules: readonly LoraModule[]): string[] =>
  modules.length === 0
    ? []
    : [
        `the metadata lacks the ranks of ${modules.length} modules, such as ${quote(modules[0]!.name)}; results have them`,
      ];

const targetWarning = (models: readonly string[]): string[] =>
  models.length === 0
    ? []
    : [
        `the metadata does not say which classes of ${models.map(quote).join(', ')} were adapted; cloneofsimo/lora does not ` +
          'load such a file',
      ];
