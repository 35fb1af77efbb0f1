import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileLayout } from '../../adapter/adapter.ts';
import { factorsOf } from '../../compute/module-factors.ts';
import type { ComputePool } from '../../compute/pool.ts';
import type { StackPart, StackTask } from '../../compute/stack-task.ts';
import type { SharedTensor, StackedModule } from '../../formats/peft/merge-modules.ts';
import { layOut, type TensorSpec } from '../../safetensors/layout.ts';
import { copyRanges } from '../file-ranges.ts';
import type { SourceFiles } from '../job-context.ts';
import type { Watch } from '../watch.ts';

/** What goes into the file, and where it comes from. */
interface StackContent {
  readonly modules: readonly StackedModule[];
  readonly shared: readonly SharedTensor[];
  readonly metadata: ReadonlyMap<string, string>;
  /** By adapter id. */
  readonly files: ReadonlyMap<string, Pick<SourceFiles, 'weightsPath'>>;
}

/** Where everything of a stack lies in its file: so many factors first, then what is copied. */
export function layOutStack({ modules, shared, metadata }: Omit<StackContent, 'files'>): {
  readonly layout: FileLayout;
  readonly factors: number;
} {
  const factors = modules.flatMap(({ like, rank }): TensorSpec[] => [
    { name: like.b.name, dtype: 'F32', shape: [like.m, rank, ...like.b.shape.slice(2)] },
    { name: like.a.name, dtype: 'F32', shape: [rank, ...like.a.shape.slice(1)] },
  ]);
  const copies = shared.map(({ name, holders }) => ({ ...holders[0]!.entry, name }));
  return { layout: layOut([...factors, ...copies], metadata), factors: factors.length };
}

/**
 * Writes the sum of adapters as one safetensors file of stacked factors in float32, a module a thread at a time.
 * @param dir folder for the file, which must not have one yet
 * @returns its path
 * @throws AppError NON_FINITE_WEIGHTS, NON_FINITE_RESULT, CANCELLED
 */
export async function writeStack(
  { modules, shared, metadata, files }: StackContent,
  dir: string,
  pool: ComputePool,
  watch: Watch,
): Promise<string> {
  const path = join(dir, 'stack.safetensors');
  const { layout, factors } = layOutStack({ modules, shared, metadata });
  const file = await open(path, 'wx');
  try {
    await file.truncate(layout.totalBytes);
    await file.write(layout.headerBytes, 0, layout.headerBytes.length, 0);
    for (const [index, { holders }] of shared.entries()) {
      const { id, entry } = holders[0]!;
      const to = layout.offsets[factors + index]!;
      await copyRanges(files.get(id)!.weightsPath, file, [{ ...entry, to }]);
    }
  } finally {
    await file.close();
  }

  await watch.all(
    modules.map(async (module, index) => {
      const offsetB = layout.offsets[2 * index]!;
      const offsetA = layout.offsets[2 * index + 1]!;
      const { busy } = await pool.run(taskOf(module, files, { path, offsetB, offsetA }), watch.signal);
      watch.worked(busy);
      watch.finished('load', module.like.name);
    }),
  );
  return path;
}

function taskOf(
  { like, rank, parts }: StackedModule,
  files: StackContent['files'],
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
 * Takes a factor apart for B and A, so that extreme scales leave neither of them out of float32's range. A gets a power
 * of two, which changes none of its digits.
 */
export function splitFactor(factor: number): Pick<StackPart, 'factorA' | 'factorB'> {
  if (factor === 0) return { factorB: 0, factorA: 1 };
  const factorA = 2 ** Math.round(Math.log2(Math.abs(factor)) / 2);
  return { factorB: factor / factorA, factorA };
}
