import type { LoraModule, ModulePlan, OutputTensor, TensorEntry } from '../adapter/adapter.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../json/quote.ts';

/**
 * The module of a pair, or one for each expert, "….gate_up_proj#3".
 * @param module its factors stack the experts along a first axis of their own where there are any
 * @param experts how many; undefined for a single matrix
 */
export function stackedModules(module: LoraModule, experts: number | undefined): LoraModule[] {
  if (experts === undefined) return [module];
  return Array.from({ length: experts }, (_, index) => ({
    ...module,
    name: `${module.name}#${index}`,
    a: sliceOf(module.a, index),
    b: sliceOf(module.b, index),
    expert: { index, count: experts },
  }));
}

function sliceOf<T extends TensorEntry>(entry: T, index: number): T {
  const [count, ...shape] = entry.shape as [number, ...number[]];
  const bytes = (entry.endByte - entry.beginByte) / count;
  const beginByte = entry.beginByte + index * bytes;
  return { ...entry, shape, beginByte, endByte: beginByte + bytes };
}

/** The modules that share two tensors: one module, or all experts of a mixture, one after the other. */
export interface Stack {
  /** The plan of the first module; all have its rank, dtypes and shapes. */
  readonly plan: ModulePlan;
  /** Indices of the modules, by expert. */
  readonly modules: readonly number[];
}

/**
 * Puts the experts of each mixture together, those with the same name of A.
 * @returns in the order of their first modules
 * @throws AppError FORMAT_NOT_WRITABLE if experts that share a tensor differ in rank or dtype, or some are missing
 */
export function groupIntoStacks(plans: readonly ModulePlan[]): Stack[] {
  const found = new Map<string, { plan: ModulePlan; modules: number[] }>();
  for (const [index, plan] of plans.entries()) {
    const { module, rank, dtypeA, dtypeB } = plan;
    const stack = found.get(module.a.name) ?? { plan, modules: [] };
    const { plan: first } = stack;
    if (rank !== first.rank || dtypeA !== first.dtypeA || dtypeB !== first.dtypeB) throw uneven(plan);
    stack.modules[module.expert?.index ?? 0] = index;
    found.set(module.a.name, stack);
  }
  const stacks = [...found.values()];
  for (const { plan, modules } of stacks) {
    const count = plan.module.expert?.count ?? 1;
    if (modules.length !== count || modules.includes(undefined as never)) throw uneven(plan);
  }
  return stacks;
}

/**
 * One factor of a stack as a tensor: A [k, n] or B [m, k] at the new rank k, experts along a first axis of their own,
 * the rows of B in their order (`rowOrder`).
 * @param transposed whether the last two axes are swapped
 */
export function stackTensor({ plan, modules }: Stack, factor: 'a' | 'b', transposed: boolean): OutputTensor {
  const { module, rank, dtypeA, dtypeB } = plan;
  const lead = module.expert ? [module.expert.count] : [];
  const [rows, columns] = factor === 'a' ? [rank, module.n] : [module.m, rank];
  const order = factor === 'b' ? module.rowOrder : undefined;
  const rowShape = order?.shape ?? [rows];
  const rowAxes = (order?.axes ?? [0]).map((axis) => lead.length + axis);
  const columnAxis = lead.length + rowShape.length;
  const axes = [...lead.keys(), ...(transposed ? [columnAxis, ...rowAxes] : [...rowAxes, columnAxis])];
  const parts = modules.map((moduleIndex) => ({ factor, moduleIndex }));
  const isPlain = parts.length === 1 && axes.every((axis, index) => axis === index);
  return {
    name: module[factor].name,
    dtype: factor === 'a' ? dtypeA : dtypeB,
    shape: [...lead, ...(transposed ? [columns, rows] : [rows, columns])],
    source: isPlain
      ? { kind: 'factor', ...parts[0]! }
      : { kind: 'arranged', parts, shape: [...lead, ...rowShape, columns], axes },
  };
}

function uneven({ module }: ModulePlan): AppError {
  return new AppError(
    'FORMAT_NOT_WRITABLE',
    `Module ${quote(module.name)}: tensor ${quote(module.a.name)} can only be written if all its experts have one rank and dtype. ` +
      'Request one rank for all modules (rank).',
    { module: module.name, tensor: module.a.name },
  );
}
