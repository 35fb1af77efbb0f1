import type { Adapter, ModulePlan, OutputPlan } from '../../adapter/adapter.ts';
import type { WriteOptions } from '../format.ts';
import { planUnscaled } from '../pairs/plan-unscaled.ts';

export const XLABS_WEIGHTS = 'lora.safetensors';

/**
 * Plans a file as XLabs' trainer saves it.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError FORMAT_NEEDS_FOLD: the format has no place for a scale
 */
export function planXlabsOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  return planUnscaled(XLABS_WEIGHTS, adapter, plans, scale, new Map([...adapter.metadata, ...provenance]));
}
