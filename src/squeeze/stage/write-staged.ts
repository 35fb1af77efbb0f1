import { type FileHandle, open } from 'node:fs/promises';
import type { TensorEntry } from '../../adapter/adapter.ts';
import type { StagedSource, StagingPlan } from '../../adapter/staging-plan.ts';
import { copyRanges, type RangeCopy, readFully, writeFully } from '../../bytes/file-ranges.ts';
import type { DeriveTask } from '../../compute/derive/derive-context.ts';
import type { ComputePool } from '../../compute/pool.ts';
import { decodeUnits, type NumberEncoding, UNIT_BYTES } from '../../core/encodings.ts';
import { AppError } from '../../errors/app-error.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { ProgressTracker } from '../progress-tracker.ts';
import { permuteEntry } from './permute-entry.ts';

/** Bytes that are decoded at a time; the result has at most four times as many. */
const DECODE_BYTES = 1024 * 1024;

/**
 * Creates the file of a plan. Tensors are moved or decoded in this thread, a part at a time; derived ones are
 * computed in the threads of the pool, one module per thread.
 * @param sourcePath the file with the entries of the plan
 * @param path of the new file; its folder exists
 * @returns by module: ‖ΔW − B·A‖², the part that its derived factors leave out, if they are not exact
 * @throws AppError NON_FINITE_WEIGHTS, NON_FINITE_RESULT, CORE_NOT_CONVERGED, CANCELLED
 */
export async function writeStaged(
  plan: StagingPlan,
  sourcePath: string,
  path: string,
  pool: ComputePool,
  tracker: ProgressTracker,
): Promise<ReadonlyMap<string, number>> {
  const { headerBytes, offsets, totalBytes } = layOut(plan.tensors, new Map());
  const copies: RangeCopy[] = [];
  await tracker.time('load', async () => {
    const source = await open(sourcePath, 'r');
    try {
      const file = await open(path, 'wx');
      try {
        await file.truncate(totalBytes);
        await writeFully(file, headerBytes, 0);
        for (const [index, { source: from }] of plan.tensors.entries()) {
          if (tracker.signal.aborted) throw new AppError('CANCELLED', 'The job was cancelled while it ran.');
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
  if (tasks.length > 0) tracker.begin('load', tasks.length);
  await tracker.all(
    tasks.map(async (task) => {
      const { residualEnergy, phaseSeconds } = await pool.run(task, tracker.signal);
      const { module } = task.derivation;
      if (residualEnergy > 0) residuals.set(module, residualEnergy);
      tracker.addPhaseSeconds(phaseSeconds);
      tracker.moduleFinished('load', module);
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
  else if (from.kind === 'dequantise')
    await dequantiseEntry(from.entry, from.encoding, source, target, offset);
}

/** Writes the numbers of an encoded tensor as float32, some at a time. */
async function dequantiseEntry(
  { name, beginByte, endByte }: TensorEntry,
  encoding: NumberEncoding,
  source: FileHandle,
  target: FileHandle,
  offset: number,
): Promise<void> {
  const step = Math.floor(DECODE_BYTES / UNIT_BYTES[encoding]) * UNIT_BYTES[encoding];
  let to = offset;
  for (let from = beginByte; from < endByte; from += step) {
    const bytes = new Uint8Array(Math.min(step, endByte - from));
    await readFully(source, bytes, from, name);
    const { buffer, byteOffset, byteLength } = decodeUnits(encoding, bytes);
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
