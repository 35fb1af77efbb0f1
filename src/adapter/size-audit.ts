import type { Adapter } from './adapter.ts';
import { classOf, SavedModules, SIZE_CLASSES, type SizeClass } from './tensor-class.ts';

/** How many bytes one class of tensors takes. */
export interface ClassSize {
  readonly what: SizeClass;
  readonly tensors: number;
  /** Of the tensors' data; the header of the file is not included. */
  readonly bytes: number;
}

/** A tensor's name and the size of its data. */
export interface SizedTensor {
  readonly name: string;
  readonly bytes: number;
}

/**
 * The size of a file by class of tensor.
 * @param tensors all tensors of the file
 * @param adapter its carried tensors are classified by their names; all others belong to LoRA: factors and alphas
 * @returns the classes that occur, in the order of SIZE_CLASSES
 */
export function auditSize(
  tensors: readonly SizedTensor[],
  { passthrough, config }: Pick<Adapter, 'passthrough' | 'config'>,
): ClassSize[] {
  const saved = new SavedModules(config);
  const carried = new Set(passthrough.map(({ name }) => name));
  const parts = new Map<SizeClass, { tensors: number; bytes: number }>();
  for (const { name, bytes } of tensors) {
    const what = carried.has(name) ? classOf({ name }, saved) : 'lora';
    const part = parts.get(what) ?? { tensors: 0, bytes: 0 };
    parts.set(what, { tensors: part.tensors + 1, bytes: part.bytes + bytes });
  }
  return SIZE_CLASSES.flatMap((what) => {
    const part = parts.get(what);
    return part ? [{ what, ...part }] : [];
  });
}

/** How many bytes each class of tensors takes in the file from which the adapter was read. */
export function sizeOfAdapter(adapter: Adapter): ClassSize[] {
  const bytes = new Map<string, number>();
  const add = (name: string, more: number): void => {
    bytes.set(name, (bytes.get(name) ?? 0) + more);
  };
  // The experts of a layer share a tensor; each of them is a part of it.
  for (const { a, b, alpha } of adapter.modules) {
    for (const { name, beginByte, endByte } of [a, b]) add(name, endByte - beginByte);
    // The parts of a split projection share one alpha, so it is counted once.
    if (alpha) bytes.set(alpha.name, Number(/\d+$/.exec(alpha.dtype)?.[0] ?? 0) / 8);
  }
  for (const { name, beginByte, endByte } of adapter.passthrough) add(name, endByte - beginByte);
  return auditSize(
    [...bytes].map(([name, size]) => ({ name, bytes: size })),
    adapter,
  );
}
