import type { Adapter, LoraModule, ModulePlan, OutputPlan } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import { quote } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { Format, WriteOptions } from '../format.ts';
import { collectPairs, type PairKey } from '../pairs/collect-pairs.ts';
import { planUnscaled, unscaledAdapter } from '../pairs/unscaled.ts';

const WEIGHTS_NAME = 'lora.safetensors';

/** `<model>:<position>:up` or `down`; the position counts the layers that were adapted. `down` is A, `up` is B. */
const FACTOR = /^([^:.]+:(?:0|[1-9]\d*)):(up|down)$/;

/** The first LoRA files of Stable Diffusion (cloneofsimo/lora): layers by number, ranks in the metadata, no scale. */
export const CLONEOFSIMO: Format = {
  name: 'cloneofsimo',
  weightsName: WEIGHTS_NAME,
  hasConfig: false,
  recognises: ({ header, configBytes }) =>
    configBytes === null &&
    header !== null &&
    header.tensors.some(({ name }) => readCloneofsimoKey(name).role === 'factor'),
  read: async ({ header }) => ({ adapter: readCloneofsimo(header!), staging: null }),
  plan: planCloneofsimoOutput,
};

/**
 * Reads a file of cloneofsimo/lora (lora_diffusion/lora.py, `parse_safeloras`). The scale is chosen when it is applied;
 * here it is 1. A module has a name such as "unet:12"; the file does not show which layer that is. Learned embeddings, whose
 * metadata is "<embed>", are carried over.
 * @throws AppError CONFIG_RANK, CONFIG_RANK_MISMATCH, FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT
 */
function readCloneofsimo({ tensors, metadata }: SafetensorsHeader): Adapter {
  const collected = collectPairs('cloneofsimo', tensors, readCloneofsimoKey);
  const adapter = unscaledAdapter('cloneofsimo', collected, metadata);
  const unknown = adapter.modules.filter((module) => !hasRank(module, metadata));
  const models = new Set(adapter.modules.map(({ name }) => name.slice(0, name.indexOf(':'))));
  const withoutTargets = [...models].filter((model) => !metadata.has(model));
  return { ...adapter, warnings: [...rankWarning(unknown), ...targetWarning(withoutTargets)] };
}

/** Whether the metadata contains the rank. @throws AppError if it is not the rank of the tensors */
function hasRank({ name, a, rank }: LoraModule, metadata: ReadonlyMap<string, string>): boolean {
  const key = rankKeyOf(a.name);
  const rankInMetadata = metadata.get(key);
  if (rankInMetadata === undefined) return false;
  if (!/^[1-9]\d{0,8}$/.test(rankInMetadata)) {
    throw new AppError(
      'CONFIG_RANK',
      `The value of ${quote(key)} in the metadata must be a positive integer, not ${quote(rankInMetadata)}.`,
      {
        field: key,
      },
    );
  }
  if (Number(rankInMetadata) === rank) return true;
  throw new AppError(
    'CONFIG_RANK_MISMATCH',
    `Module ${quote(name)}: the tensors have rank ${rank}, but ${quote(key)} of the metadata is ${rankInMetadata}.`,
    { module: name, rank, expected: Number(rankInMetadata) },
  );
}

const rankWarning = (modules: readonly LoraModule[]): string[] =>
  modules.length === 0
    ? []
    : [
        `The metadata lacks ${counted(modules.length, 'rank', 'ranks')}, such as that of module ${quote(modules[0]!.name)}. Ranks are taken ` +
          'from the tensors, and the metadata of results contains them.',
      ];

const targetWarning = (models: readonly string[]): string[] =>
  models.length === 0
    ? []
    : [
        `The metadata does not name the classes of ${models.map(quote).join(', ')} that were adapted. cloneofsimo/lora does not ` +
          'load such a file.',
      ];

/**
 * Plans a file of cloneofsimo/lora: tensors under their names, the metadata with the rank of every module.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError FORMAT_NEEDS_FOLD, because the format cannot store a scale
 * @throws RangeError for names of factors that are not of the format (our own mistake)
 */
function planCloneofsimoOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  const ranks = plans.map(({ module, rank }): [string, string] => [rankKeyOf(module.a.name), String(rank)]);
  const metadata = new Map([...adapter.metadata, ...ranks, ...provenance]);
  return planUnscaled(WEIGHTS_NAME, adapter, plans, scale, metadata);
}

/** Reads the name of a tensor of cloneofsimo/lora (lora_diffusion/lora.py, `save_safeloras_with_embeds`). */
function readCloneofsimoKey(name: string): PairKey {
  const match = FACTOR.exec(name);
  if (match) {
    return { role: 'factor', module: match[1]!, factor: match[2] === 'down' ? 'a' : 'b', embedding: false };
  }
  const isUnknown = /:\d+:|\.lora_|_lora\.|hada_|lokr_|oft_/.test(name);
  return { role: isUnknown ? 'unknown-lora' : 'other' };
}

/** The metadata key that holds the rank of the module whose factor this is. */
function rankKeyOf(factorName: string): string {
  const match = FACTOR.exec(factorName);
  if (!match)
    throw new RangeError(`"${factorName}" is not the name of a factor in files of cloneofsimo/lora`);
  return `${match[1]}:rank`;
}
