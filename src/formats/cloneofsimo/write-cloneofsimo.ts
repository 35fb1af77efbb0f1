import type { Adapter, ModulePlan, OutputPlan } from '../../adapter/adapter.ts';
import type { WriteOptions } from '../format.ts';
import { planUnscaled } from '../pairs/plan-unscaled.ts';
import { rankKeyOf } from './tensor-keys.ts';

export const CLONEOFSIMO_WEIGHTS = 'lora.safetensors';

/**
 * Plans a file of cloneofsimo/lora: tensors under their names, the metadata with the rank of every module.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError FORMAT_NEEDS_FOLD: the format has no place for a scale
 * @throws RangeError for names of factors that are not of the format (our own mistake)
 */
export function planCloneofsimoOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  const ranks = plans.map(({ module, rank }): [string, string] => [rankKeyOf(module.a.name), String(rank)]);
  const metadata = new Map([...adapter.metadata, ...ranks, ...provenance]);
  return planUnscaled(CLONEOFSIMO_WEIGHTS, adapter, plans, scale, metadata);
}
