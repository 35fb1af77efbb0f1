import type { Adapter, ModulePlan, OutputPlan, ScaleMode } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { CollectedPairs } from './collect-pairs.ts';
import { mostFrequent } from './most-frequent.ts';
import { checkPlans, copyTensor, planPair } from './plan-pairs.ts';
import { readPair } from './read-pair.ts';

/**
 * An adapter of a format that cannot store scales: all of them are 1.
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

/**
 * Plans the file of a format that cannot store scales: tensors under their names.
 * @param plans one for each of `adapter.modules`, in the same order
 * @param metadata of the whole result
 * @throws AppError FORMAT_NEEDS_FOLD
 */
export function planUnscaled(
  weightsName: string,
  adapter: Adapter,
  plans: readonly ModulePlan[],
  scale: ScaleMode,
  metadata: ReadonlyMap<string, string>,
): OutputPlan {
  checkPlans(adapter, plans);
  for (const plan of plans) refuseScale(adapter, plan, scale);
  const tensors = [
    ...plans.flatMap((plan, index) => planPair(plan, index, scale)),
    ...adapter.passthrough.map(copyTensor),
  ];
  return { weightsName, tensors, metadata, layout: layOut(tensors, metadata), files: new Map() };
}

function refuseScale({ format }: Adapter, { module, rank }: ModulePlan, scale: ScaleMode): void {
  const left = remainingScale(scale, module, rank);
  if (left === 1) return;
  throw new AppError(
    'FORMAT_NEEDS_FOLD',
    `Module ${quote(module.name)}: the result would need a scaling of ${left}, but the format ${format} cannot store one. ` +
      'Request "scale": "fold".',
    { module: module.name, scale: left, format },
  );
}
