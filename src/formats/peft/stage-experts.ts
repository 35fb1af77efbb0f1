import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import type { StagedTensor } from '../../adapter/staging-plan.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { ReadResult } from '../format.ts';

/**
 * Puts the experts of a mixture into the file as plain factors: every B [out, r·E] becomes [E, out, r]; all else is
 * copied. An adapter without experts needs no other file.
 * @param adapter with the entries of the source, an expert's B as in the file that is made, but where the source's is
 * @param tensors of the source, all of them
 */
export function stageExperts(adapter: Adapter, tensors: readonly TensorEntry[]): ReadResult {
  const counts = new Map(
    adapter.modules.flatMap(({ b, expert }) => (expert ? [[b.name, expert.count] as const] : [])),
  );
  if (counts.size === 0) return { adapter, staging: null };
  const staged = tensors.map((entry) => stagedTensor(entry, counts.get(entry.name)));
  const { offsets } = layOut(staged, new Map());
  const moved = new Map(tensors.map(({ name, beginByte }, index) => [name, offsets[index]! - beginByte]));
  const move = <T extends TensorEntry>(entry: T): T => {
    const by = moved.get(entry.name)!;
    return { ...entry, beginByte: entry.beginByte + by, endByte: entry.endByte + by };
  };
  return {
    adapter: {
      ...adapter,
      modules: adapter.modules.map(
        (module): LoraModule => ({ ...module, a: move(module.a), b: move(module.b) }),
      ),
      passthrough: adapter.passthrough.map(move),
    },
    staging: { tensors: staged, derivations: [] },
  };
}

function stagedTensor(entry: TensorEntry, experts: number | undefined): StagedTensor {
  const { name, dtype, shape } = entry;
  if (experts === undefined) return { name, dtype, shape, source: { kind: 'copy', entry } };
  const [out, stacked] = shape as [number, number];
  const rank = stacked / experts;
  return {
    name,
    dtype,
    shape: [experts, out, rank],
    source: { kind: 'permute', entry, shape: [out, rank, experts], axes: [2, 0, 1] },
  };
}
