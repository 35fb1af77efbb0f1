import type {
  Adapter,
  FactorRef,
  ModulePlan,
  OutputPlan,
  OutputTensor,
  ScaleMode,
} from '../../adapter/adapter.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { WriteOptions } from '../format.ts';
import { checkPlans, planCarried, planPair } from '../pairs/plan-pairs.ts';
import { groupIntoStacks, type Stack, stackTensor } from '../stacks.ts';
import { writeConfig } from './write-config.ts';

/**
 * Plans the files of a squeezed PEFT adapter: tensors under their old names with their old number of dimensions,
 * the configuration, the metadata.
 *
 * Both factors of a module are copied if its rank, dtypes and scale stay the same; otherwise both are
 * computed, and with "fold" they contain the scale (also at an unchanged rank). Experts are stacked again.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError CONFIG_TOO_LARGE if thousands of modules have ranks or scales of their own
 * @throws AppError FORMAT_NOT_WRITABLE for experts of different ranks
 * @throws RangeError when the plans do not belong to the adapter (our own mistake)
 */
export function planPeftOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  checkPlans(adapter, plans);
  const factors = plans.flatMap((plan, moduleIndex) => planModule(plan, moduleIndex, scale));
  const tensors = [...factors, ...planExperts(plans), ...planCarried(adapter, plans, scale)];
  // transformers refuses files whose metadata lacks "format"
  const metadata = new Map([['format', 'pt'], ...adapter.metadata, ...provenance]);
  return {
    weightsName: WEIGHTS_FILE,
    tensors,
    metadata,
    layout: layOut(tensors, metadata),
    files: new Map([[CONFIG_FILE, writeConfig(adapter, plans, scale)]]),
  };
}

function planModule(plan: ModulePlan, moduleIndex: number, scale: ScaleMode): OutputTensor[] {
  if (plan.module.expert) return [];
  if (plan.module.rowOrder) {
    const stack = { plan, modules: [moduleIndex] };
    return [stackTensor(stack, 'a', false), stackTensor(stack, 'b', false)];
  }
  return planPair(plan, moduleIndex, scale);
}

/**
 * Plans the tensors of experts as PEFT stacks them: A [E·k, in], B [out, k·E] with the expert as its inner index. They
 * are computed even if their rank stays the same, because the source's experts were put in another order.
 * @throws AppError FORMAT_NOT_WRITABLE if experts that share a tensor differ in rank or dtype, or some are missing
 */
const planExperts = (plans: readonly ModulePlan[]): OutputTensor[] =>
  groupIntoStacks(plans)
    .filter(({ plan }) => plan.module.expert)
    .flatMap(stackTensors);

function stackTensors({ plan, modules }: Stack): OutputTensor[] {
  const { module, rank, dtypeA, dtypeB } = plan;
  const { m, n } = module;
  const count = modules.length;
  const parts = (factor: 'a' | 'b'): FactorRef[] => modules.map((moduleIndex) => ({ factor, moduleIndex }));
  return [
    {
      name: module.a.name,
      dtype: dtypeA,
      shape: [count * rank, n],
      source: { kind: 'arranged', parts: parts('a'), shape: [count, rank, n], axes: [0, 1, 2] },
    },
    {
      name: module.b.name,
      dtype: dtypeB,
      shape: [m, rank * count],
      source: { kind: 'arranged', parts: parts('b'), shape: [count, m, rank], axes: [1, 2, 0] },
    },
  ];
}
