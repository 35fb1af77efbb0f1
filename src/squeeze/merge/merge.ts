import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FactorDtype, TensorEntry } from '../../adapter/adapter.ts';
import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import type { ComputePool } from '../../compute/pool.ts';
import type { Timings } from '../../contract/job.ts';
import type { SqueezeOptions } from '../../contract/job-request.ts';
import type { Target } from '../../contract/target.ts';
import { counted } from '../../errors/counted.ts';
import { type MergeTerm, type SharedTensor, tensorConflict } from '../../formats/merge/merge-modules.ts';
import { planSum } from '../../formats/merge/sum-adapter.ts';
import type { JobContext, JobOutcome, SourceFiles, SqueezeInput } from '../job-context.ts';
import { type OpenedAdapter, openAdapter } from '../open-adapter.ts';
import { ProgressTracker } from '../progress-tracker.ts';
import { squeeze } from '../squeeze.ts';
import { type TermFiles, writeStack } from './stack-file.ts';

const CANCELLATION =
  'Singular values are those of the weighted sum. If adapters cancel out, anything below about 1e-7 of them ' +
  'is rounding.';

const CHUNK_BYTES = 1024 * 1024;

interface MergeInput extends JobContext {
  /** The terms of the sum; an adapter may be listed twice. */
  readonly parts: readonly (SourceFiles & { readonly weight: number })[];
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
}

/**
 * Σ weight·ΔW of some adapters, squeezed to every target. The sum is written as stacked factors, never as ΔW, and is
 * then an adapter like any other; a target that asks for no less than its rank gets the stack itself.
 * @throws AppError MERGE_* if the adapters cannot be added; as `squeeze`
 */
export async function merge(input: MergeInput, pool: ComputePool): Promise<JobOutcome> {
  const startedMs = performance.now();
  const { parts, targets, options, ...context } = input;
  const tracker = new ProgressTracker(input.onProgress, input.signal);
  tracker.begin('load', 0);
  const { terms, files, warnings } = await openTerms(parts, async (source) => {
    const dir = join(input.scratchDir, source.id);
    await mkdir(dir);
    return openAdapter(source, dir, pool, tracker);
  });
  const sum = planSum(terms);
  await tracker.time('load', () => refuseConflicts(sum.shared, files));

  tracker.begin('load', sum.modules.length);
  const stack = await writeStack(sum, files, input.scratchDir, pool, tracker);
  const stacking = tracker.timings(pool.provider.threads, (performance.now() - startedMs) / 1000);
  const outcome = await squeeze(
    {
      ...context,
      kind: 'merge',
      sources: parts.map(({ id, sha256, bytes, base_model, license, weight }) => ({
        id,
        sha256,
        bytes,
        base_model,
        ...(license !== undefined && { license }),
        weight,
      })),
      weightsPath: stack,
      configBytes: null,
      opened: { adapter: sum.adapter, weightsPath: stack, residuals: new Map(), isConverted: false },
      targets,
      options,
      matchDtype: commonDtype(terms),
      warnings: [...sum.warnings, ...warnings],
    },
    pool,
  );
  await rm(stack);
  const timings = added(stacking, outcome.timings);
  return {
    ...outcome,
    timings,
    report: outcome.report && {
      ...outcome.report,
      timings,
      notes: [...outcome.report.notes, CANCELLATION],
    },
  };
}

/** The terms of a sum, read. */
export interface OpenedTerms {
  readonly terms: readonly MergeTerm[];
  readonly files: TermFiles;
  /** Warnings about the adapters, and about parts of them that the sum lacks. */
  readonly warnings: readonly string[];
}

/**
 * An adapter that is listed twice is one term: x − x is then exactly zero, and ½·x + ½·x exactly x at its own rank.
 * @param open reads an adapter, and returns the path of its weights
 * @throws AppError as `open`
 */
export async function openTerms(
  parts: MergeInput['parts'],
  open: (source: SourceFiles) => Promise<Pick<OpenedAdapter, 'adapter' | 'weightsPath' | 'residuals'>>,
): Promise<OpenedTerms> {
  const terms = new Map<string, MergeTerm>();
  const files = new Map<string, Pick<SourceFiles, 'weightsPath'>>();
  const warnings = new Set<string>();
  for (const { weight, ...source } of parts) {
    const { id } = source;
    const known = terms.get(id);
    if (known) {
      terms.set(id, { ...known, weight: known.weight + weight });
      continue;
    }
    const { adapter, weightsPath, residuals } = await open(source);
    terms.set(id, { id, adapter, weight });
    files.set(id, { weightsPath });
    for (const text of adapter.warnings) warnings.add(`Adapter ${id}: ${text}`);
    if (residuals.size > 0) warnings.add(`Adapter ${id}: ${leftOut(residuals.size)}`);
  }
  return { terms: [...terms.values()], files, warnings: [...warnings] };
}

/** The reference of a sum's errors contains only what could be added. */
const leftOut = (modules: number): string =>
  `${counted(modules, 'module')} could be converted to LoRA only approximately; the sum does not contain what was lost in the ` +
  'conversion.';

/** The meaning of "match": the common dtype of all factors, or float32 if they have several. */
export function commonDtype(terms: readonly MergeTerm[]): NonNullable<SqueezeInput['matchDtype']> {
  const dtypes = new Set<FactorDtype>();
  for (const { adapter } of terms) {
    for (const factor of adapter.modules.flatMap(({ a, b }) => [a, b]))
      dtypes.add(factor.matchDtype ?? factor.dtype);
  }
  return DTYPE_NAMES[dtypes.size === 1 ? [...dtypes][0]! : 'F32'];
}

function added(x: Timings, y: Timings): Timings {
  const keys = Object.keys(x) as (keyof Timings)[];
  return Object.fromEntries(keys.map((key) => [key, x[key] + y[key]])) as Timings;
}

/**
 * Checks that tensors which are carried over are the same in all adapters that have them.
 * @throws AppError MERGE_TENSOR_CONFLICT naming the tensor and two adapters
 */
async function refuseConflicts(tensors: readonly SharedTensor[], files: TermFiles): Promise<void> {
  for (const { name, holders } of tensors) {
    const [first, ...others] = holders;
    for (const other of others) {
      const paths = [first!, other].map(({ id }) => files.get(id)!.weightsPath) as [string, string];
      if (!(await haveSameBytes(paths, first!.entry, other.entry)))
        throw tensorConflict(name, first!.id, other.id);
    }
  }
}

async function haveSameBytes(
  [pathX, pathY]: [string, string],
  x: TensorEntry,
  y: TensorEntry,
): Promise<boolean> {
  const bytes = x.endByte - x.beginByte;
  const [fileX, fileY] = await Promise.all([open(pathX, 'r'), open(pathY, 'r')]);
  try {
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, bytes - at);
      const [chunkX, chunkY] = await Promise.all([
        readExactly(fileX, x.beginByte + at, length),
        readExactly(fileY, y.beginByte + at, length),
      ]);
      if (!chunkX.equals(chunkY)) return false;
    }
    return true;
  } finally {
    await Promise.all([fileX.close(), fileY.close()]);
  }
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const chunk = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(chunk, done, length - done, position + done);
    // The header was checked against the file's size, so a file that is shorter by now was changed, and
    // counts as different.
    if (bytesRead === 0) return chunk.subarray(0, done);
    done += bytesRead;
  }
  return chunk;
}
