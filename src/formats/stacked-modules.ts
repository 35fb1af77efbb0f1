import type { LoraModule, TensorEntry } from '../adapter/adapter.ts';

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
