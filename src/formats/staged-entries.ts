import type { TensorEntry } from '../adapter/adapter.ts';
import type { StagedTensor } from '../adapter/staging-plan.ts';
import { dtypeBits } from '../safetensors/dtype.ts';
import { layOut, type TensorSpec } from '../safetensors/layout.ts';

/**
 * The positions of tensors in a file that is laid out for them alone, in their order.
 * @throws RangeError for a dtype that safetensors does not have (our own mistake)
 */
export function laidOutEntries(tensors: readonly TensorSpec[]): TensorEntry[] {
  const { offsets } = layOut(tensors, new Map());
  return tensors.map(({ name, dtype, shape }, index) => {
    const bytes = (shape.reduce((product, extent) => product * extent, 1) * dtypeBits(dtype)!) / 8;
    const beginByte = offsets[index]!;
    return { name, dtype, shape, beginByte, endByte: beginByte + bytes };
  });
}

/** The positions of a plan's tensors in the file that is made from it, by name and in the order of the plan. */
export const stagedEntries = (tensors: readonly StagedTensor[]): ReadonlyMap<string, TensorEntry> =>
  new Map(laidOutEntries(tensors).map((entry) => [entry.name, entry]));

/** A tensor that is copied as it is. */
export const copiedTensor = (entry: TensorEntry): StagedTensor => ({
  name: entry.name,
  dtype: entry.dtype,
  shape: entry.shape,
  source: { kind: 'copy', entry },
});
