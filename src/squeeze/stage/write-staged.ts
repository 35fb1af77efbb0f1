import { type FileHandle, open } from 'node:fs/promises';
import type { TensorEntry } from '../../adapter/adapter.ts';
import type { StagedSource, StagingPlan } from '../../adapter/staging-plan.ts';
import type { DeriveTask } from '../../compute/derive/derive-context.ts';
import type { ComputePool } from '../../compute/pool.ts';
import { decodeQ8_0, Q8_0_BYTES } from '../../core/q8-0.ts';
import { AppError } from '../../errors/app-error.ts';
import { layOut } from '../../safetensors/layout.ts';
import { copyRanges, type RangeCopy, readFully, writeFully } from '../file-ranges.ts';
import type { Watch } from '../watch.ts';
import { permuteEntry } from './permute-entry.ts';

/** Blocks decoded at a time: 4 MB of numbers. */
const BLOCKS = 32 * 1024;

/**
 * Makes the file of a plan: what is moved or decoded here, a part of a tensor at a time; what is computed in the
 * threads of the pool, a module a thread.
 * @param sourcePath the file that the plan's entries lie in
 * @param path of the file to be made; its folder is there
 * @returns by module: what its derived factors leave out, ‖ΔW − B·A‖², where they are not exact
 * @throws AppError NON_FINITE_WEIGHTS, NON_FINITE_RESULT, CORE_NOT_CONVERGED, CANCELLED
 */
export async function writeStaged(
  plan: StagingPlan,
  sourcePath: string,
  path: string,
  pool: ComputePool,
  watch: Watch,
): Promise<ReadonlyMap<string, number>> {
  const { headerBytes, offsets, totalBytes } = layOut(plan.tensors, new Map());
  const copies: RangeCopy[] = [];
  await watch.clocked('load', async () => {
    const source = await open(sourcePath, 'r');
    try {
      const file = await open(path, 'wx');
      try {
        await file.truncate(totalBytes);
        await writeFully(file, headerBytes, 0);
        for (const [index, { source: from }] of plan.tensors.entries()) {
          if (watch.signal.aborted) throw new AppError('CANCELLED', 'The job was cancelled while it ran.');
          if (from.kind === 'copy') copies.push({ ...from.entry, to: offsets[index]! });
          else await move(from, source, file, offsets[index]!);
        }
        await copyRanges(sourcePath, file, copies);
      } finally {
        await file.close();
      }
    } finally {
      await source.close();
    }
  });

  const residuals = new Map<string, number>();
  const tasks = tasksOf(plan, offsets, { sourcePath, path });
  if (tasks.length > 0) watch.begin('load', tasks.length);
  await watch.all(
    tasks.map(async (task) => {
      const { residualEnergy, busy } = await pool.run(task, watch.signal);
      const { module } = task.derivation;
      if (residualEnergy > 0) residuals.set(module, residualEnergy);
      watch.worked(busy);
      watch.finished('load', module);
    }),
  );
  return residuals;
}

async function move(
  from: Exclude<StagedSource, { kind: 'copy' }>,
  source: FileHandle,
  target: FileHandle,
  offset: number,
): Promise<void> {
  if (from.kind === 'permute') await permuteEntry(from, source, target, offset);
  else if (from.kind === 'dequantise') await dequantiseEntry(from.entry, source, target, offset);
}

/** Writes the numbers of a Q8_0 tensor as float32, some blocks at a time. */
async function dequantiseEntry(
  { name, beginByte, endByte }: TensorEntry,
  source: FileHandle,
  target: FileHandle,
  offset: number,
): Promise<void> {
  let to = offset;
  for (let from = beginByte; from < endByte; from += BLOCKS * Q8_0_BYTES) {
    const bytes = new Uint8Array(Math.min(BLOCKS * Q8_0_BYTES, endByte - from));
    await readFully(source, bytes, from, name);
    const { buffer, byteOffset, byteLength } = decodeQ8_0(bytes);
    await writeFully(target, new Uint8Array(buffer, byteOffset, byteLength), to);
    to += byteLength;
  }
}

function tasksOf(
  { tensors, derivations }: StagingPlan,
  offsets: readonly number[],
  files: Pick<DeriveTask, 'sourcePath' | 'path'>,
): DeriveTask[] {
  const places = derivations.map(() => ({ a: null as number | null, b: null as number | null }));
  for (const [index, { source }] of tensors.entries())
    if (source.kind === 'derived') places[source.derivation]![source.factor] = offsets[index]!;
  return derivations.map((derivation, index) => {
    const { a, b } = places[index]!;
    return { kind: 'derive', derivation, ...files, offsetA: a, offsetB: b };
  });
}
