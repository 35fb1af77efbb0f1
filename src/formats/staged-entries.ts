import type { TensorEntry } from '../adapter/adapter.ts';
import type { StagedTensor } from '../adapter/staging-plan.ts';
import { bitsOf } from '../safetensors/dtype.ts';
import { layOut } from '../safetensors/layout.ts';

/**
 * Where the tensors of a plan lie in the file that is made of it, by name and in the order of the plan.
 * @throws RangeError for a dtype that safetensors does not have (our own mistake)
 */
export function stagedEntries(tensors: readonly StagedTensor[]): ReadonlyMap<string, TensorEntry> {
  const { offsets } = layOut(tensors, new Map());
  return new Map(
    tensors.map(({ name, dtype, shape }, index) => {
      const bytes = (shape.reduce((product, extent) => product * extent, 1) * bitsOf(dtype)!) / 8;
      const beginByte = offsets[index]!;
      return [name, { name, dtype, shape, beginByte, endByte: beginByte + bytes }];
    }),
  );
}

/** A tensor that the file takes over as it is. */
export const copiedTensor = (entry: TensorEntry): StagedTensor => ({
  name: entry.name,
  dtype: entry.dtype,
  shape: entry.shape,
  source: { kind: 'copy', entry },
});
