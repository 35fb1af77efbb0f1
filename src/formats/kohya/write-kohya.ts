import type { Adapter, ModulePlan, OutputPlan } from '../../adapter/adapter.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { WriteOptions } from '../format.ts';
import { checkPlans, copyOf, planPair } from '../pairs/plan-pairs.ts';
import { inReferenceOrder, sealHeader, UNSEALED } from './hashes.ts';
import { planAlphas } from './write-alphas.ts';
import { writeMetadata } from './write-metadata.ts';

export const KOHYA_WEIGHTS_FILE = 'lora.safetensors';

/**
 * Plans the file of a squeezed adapter: tensors under their names with their number of dimensions, an alpha for every
 * module that needs one, the metadata with digests of the data.
 *
 * A module whose rank, dtypes and scale stay is copied, both factors; of every other both are computed.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError UNSUPPORTED_LORA_VARIANT where parts of one projection would need alphas of their own
 * @throws RangeError when the plans do not belong to the adapter, or its modules have what this format does not: experts,
 *   reordered rows (our own mistake)
 */
export function planKohyaOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  checkPlans(adapter, plans);
  refuseForeign(adapter);
  const tensors = inReferenceOrder([
    ...plans.flatMap((plan, moduleIndex) => planPair(plan, moduleIndex, scale)),
    ...planAlphas(plans, scale),
    ...adapter.passthrough.map(copyOf),
  ]);
  const metadata = new Map([...writeMetadata(adapter.metadata, plans, scale), ...provenance, ...UNSEALED]);
  return {
    weightsName: KOHYA_WEIGHTS_FILE,
    tensors,
    metadata,
    layout: layOut(tensors, metadata),
    files: new Map(),
    sealHeader: (path) => sealHeader(path, tensors, metadata),
  };
}

/** @throws RangeError */
function refuseForeign({ modules }: Adapter): void {
  const odd = modules.find(({ expert, rowOrder }) => expert ?? rowOrder);
  if (odd)
    throw new RangeError(`module ${odd.name} has experts or reordered rows, which kohya's files do not`);
}
