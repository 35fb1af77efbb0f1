import type { Adapter, ModulePlan, OutputTensor, ScaleMode, TensorEntry } from '../../adapter/adapter.ts';
import { shapeOfA, shapeOfB } from '../../adapter/factor-shapes.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';

/**
 * The two factors of a module under their own names, with their number of dimensions: copied if rank, dtypes and
 * scale stay the same, otherwise computed.
 */
export function planPair(plan: ModulePlan, moduleIndex: number, scale: ScaleMode): OutputTensor[] {
  const { module, rank, dtypeA, dtypeB } = plan;
  if (isUnchanged(plan, scale)) return [copyTensor(module.a), copyTensor(module.b)];
  return [
    {
      name: module.a.name,
      dtype: dtypeA,
      shape: shapeOfA(module, rank),
      source: { kind: 'factor', factor: 'a', moduleIndex },
    },
    {
      name: module.b.name,
      dtype: dtypeB,
      shape: shapeOfB(module, rank),
      source: { kind: 'factor', factor: 'b', moduleIndex },
    },
  ];
}

/** Whether the result has the module's factors as they are. */
export function isUnchanged({ module, rank, dtypeA, dtypeB }: ModulePlan, scale: ScaleMode): boolean {
  const sameScale = remainingScale(scale, module, rank) === module.scale;
  return rank === module.rank && dtypeA === module.a.dtype && dtypeB === module.b.dtype && sameScale;
}

/** A tensor as it is. */
export const copyTensor = (entry: TensorEntry): OutputTensor => ({
  name: entry.name,
  dtype: entry.dtype,
  shape: entry.shape,
  source: { kind: 'copy', entry },
});

/**
 * The carried tensors of an adapter. A bias of B (`lora_bias`) is scaled together with B·A: if a module's scale changes, the bias is
 * multiplied by the factor that the scale loses.
 * @param plans one for each of the adapter's modules
 */
export function planCarried(
  { passthrough, hasLoraBias }: Pick<Adapter, 'passthrough' | 'hasLoraBias'>,
  plans: readonly ModulePlan[],
  scale: ScaleMode,
): OutputTensor[] {
  const byWeight = new Map(hasLoraBias ? plans.map((plan) => [plan.module.b.name, plan]) : []);
  return passthrough.map((entry) => {
    const plan = byWeight.get(entry.name.replace(/\.bias$/, '.weight'));
    const left = plan && remainingScale(scale, plan.module, plan.rank);
    if (left === undefined || left === plan!.module.scale || !FLOATS.includes(entry.dtype))
      return copyTensor(entry);
    const dtype = entry.dtype === 'F64' ? 'F32' : entry.dtype;
    return copyTensor({
      ...entry,
      dtype,
      castFrom: entry.castFrom ?? entry.dtype,
      multiplier: plan!.module.scale / left,
    });
  });
}

/** dtypes whose numbers can be multiplied. */
const FLOATS: readonly string[] = ['F64', 'F32', 'F16', 'BF16'];

/** @throws RangeError if the plans do not belong to the adapter (our own mistake) */
export function checkPlans({ modules }: Adapter, plans: readonly ModulePlan[]): void {
  const belongs = ({ name, rank }: Adapter['modules'][number], plan: ModulePlan | undefined): boolean =>
    plan !== undefined && plan.module.name === name && plan.rank >= 1 && plan.rank <= rank;
  if (plans.length !== modules.length || !modules.every((module, index) => belongs(module, plans[index]))) {
    throw new RangeError('the plans do not belong to the modules of the adapter');
  }
}
