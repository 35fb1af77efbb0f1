import type { FactorRef, ModulePlan, OutputTensor } from '../../adapter/adapter.ts';
import { AppError } from '../../errors.ts';
import { quote } from '../../json/quote.ts';

interface Stack {
  readonly plan: ModulePlan;
  /** By expert: index of its module. */
  readonly modules: number[];
}

/**
 * Plans the tensors of experts as PEFT stacks them: A [E·k, in], B [out, k·E] with the expert as its inner index. They
 * are computed anew also where their rank stays, for the source's experts lie in another order by then.
 * @throws AppError FORMAT_NOT_WRITABLE where experts that share a tensor differ in rank or dtype, or are not all there
 */
export function planExperts(plans: readonly ModulePlan[]): OutputTensor[] {
  const stacks = new Map<string, Stack>();
  for (const [index, plan] of plans.entries()) {
    const { module, rank, dtypeA, dtypeB } = plan;
    if (!module.expert) continue;
    const stack = stacks.get(module.a.name) ?? { plan, modules: [] };
    const { plan: first } = stack;
    if (rank !== first.rank || dtypeA !== first.dtypeA || dtypeB !== first.dtypeB) throw uneven(plan);
    stack.modules[module.expert.index] = index;
    stacks.set(module.a.name, stack);
  }
  return [...stacks.values()].flatMap(stackTensors);
}

function stackTensors({ plan, modules }: Stack): OutputTensor[] {
  const { module, rank, dtypeA, dtypeB } = plan;
  const { m, n } = module;
  const { count } = module.expert!;
  if (modules.length !== count || modules.includes(undefined as never)) throw uneven(plan);
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

function uneven({ module }: ModulePlan): AppError {
  return new AppError(
    'FORMAT_NOT_WRITABLE',
    `module ${quote(module.name)}: the experts of tensor ${quote(module.a.name)} must all be there, with one rank and dtype`,
    { module: module.name, tensor: module.a.name },
  );
}
