import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { copyRanges, writeFully } from '../../bytes/file-ranges.ts';
import { factorsOf } from '../../compute/module-factors.ts';
import type { ComputePool } from '../../compute/pool.ts';
import type { StackPart, StackTask } from '../../compute/stack-task.ts';
import type { SumPart, SumTask } from '../../compute/sum-task.ts';
import type { AddedTensor } from '../../formats/merge/added-tensors.ts';
import type { StackedModule } from '../../formats/merge/merge-modules.ts';
import type { Sum } from '../../formats/merge/sum-adapter.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { SourceFiles } from '../job-context.ts';
import type { ProgressTracker } from '../progress-tracker.ts';

/** The paths of the terms' weights, by adapter id. */
export type TermFiles = ReadonlyMap<string, Pick<SourceFiles, 'weightsPath'>>;

/**
 * Writes the sum of adapters as one safetensors file of stacked factors in float32, one module per thread at
 * a time.
 * @param dir folder for the file, which must not contain one yet
 * @returns its path
 * @throws AppError NON_FINITE_WEIGHTS, NON_FINITE_RESULT, CANCELLED
 */
export async function writeStack(
  { adapter, modules, shared, added, tensors }: Sum,
  files: TermFiles,
  dir: string,
  pool: ComputePool,
  tracker: ProgressTracker,
): Promise<string> {
  const path = join(dir, 'stack.safetensors');
  const { headerBytes, totalBytes } = layOut(tensors, new Map());
  const file = await open(path, 'wx');
  try {
    await file.truncate(totalBytes);
    await writeFully(file, headerBytes, 0);
    for (const [index, { holders }] of shared.entries()) {
      const { id, entry } = holders[0]!;
      const to = adapter.passthrough[index]!.beginByte;
      await copyRanges(files.get(id)!.weightsPath, file, [{ ...entry, to }]);
    }
  } finally {
    await file.close();
  }

  const sums = added.map(async (tensor, index) => {
    const { beginByte } = adapter.passthrough[shared.length + index]!;
    const { phaseSeconds } = await pool.run(
      sumOf(tensor, files, { path, offsetBytes: beginByte }),
      tracker.signal,
    );
    tracker.addPhaseSeconds(phaseSeconds);
  });
  await tracker.all([
    ...sums,
    ...modules.map(async (module, index) => {
      const { a, b } = adapter.modules[index]!;
      const place = { path, offsetA: a.beginByte, offsetB: b.beginByte };
      const { phaseSeconds } = await pool.run(taskOf(module, files, place), tracker.signal);
      tracker.addPhaseSeconds(phaseSeconds);
      tracker.moduleFinished('load', module.like.name);
    }),
  ]);
  return path;
}

function sumOf(
  { name, shape, parts }: AddedTensor,
  files: TermFiles,
  place: Pick<SumTask, 'path' | 'offsetBytes'>,
): SumTask {
  return {
    kind: 'sum',
    tensor: name,
    count: shape.reduce((product, extent) => product * extent, 1),
    parts: parts.map(({ id, entry, factor }) => ({
      adapter: id,
      weightsPath: files.get(id)!.weightsPath,
      // Other dtypes were refused when the sum was planned.
      tensor: { ...entry, dtype: entry.dtype as SumPart['tensor']['dtype'] },
      factor,
    })),
    ...place,
  };
}

function taskOf(
  { like, rank, parts }: StackedModule,
  files: TermFiles,
  place: Pick<StackTask, 'path' | 'offsetA' | 'offsetB'>,
): StackTask {
  return {
    kind: 'stack',
    module: like.name,
    m: like.m,
    n: like.n,
    rank,
    parts: parts.map(({ term, module }) => ({
      adapter: term.id,
      weightsPath: files.get(term.id)!.weightsPath,
      factors: factorsOf(module),
      ...splitFactor(term.weight * module.scale),
    })),
    ...place,
  };
}

/**
 * Splits a scaling between B and A, so that both stay in the range of float32 even for extreme scalings. A gets a power of
 * two, which changes none of its digits.
 */
export function splitFactor(factor: number): Pick<StackPart, 'factorA' | 'factorB'> {
  if (factor === 0) return { factorB: 0, factorA: 1 };
  const factorA = 2 ** Math.round(Math.log2(Math.abs(factor)) / 2);
  return { factorB: factor / factorA, factorA };
}
