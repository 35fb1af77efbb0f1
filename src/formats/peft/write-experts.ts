import type { FactorRef, ModulePlan, OutputTensor } from '../../adapter/adapter.ts';
import { type Stack, stacksOf } from '../stacks.ts';

/**
 * Plans the tensors of experts as PEFT stacks them: A [E·k, in], B [out, k·E] with the expert as its inner index. They
 * are computed anew also where their rank stays, for the source's experts lie in another order by then.
 * @throws AppError FORMAT_NOT_WRITABLE where experts that share a tensor differ in rank or dtype, or are not all there
 */
export const planExperts = (plans: readonly ModulePlan[]): OutputTensor[] =>
  stacksOf(plans)
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
