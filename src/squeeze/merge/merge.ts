import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter, FactorDtype, TensorEntry } from '../../adapter/adapter.ts';
import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import type { ComputePool } from '../../compute/pool.ts';
import type { Timings } from '../../contract/job.ts';
import type { SqueezeOptions } from '../../contract/job-request.ts';
import type { Target } from '../../contract/target.ts';
import { AppError } from '../../errors/app-error.ts';
import { mergeConfig } from '../../formats/peft/merge-config.ts';
import {
  type MergeTerm,
  type SharedTensor,
  type StackedModule,
  sharedTensors,
  stackModules,
  tensorConflict,
} from '../../formats/peft/merge-modules.ts';
import type { JobContext, JobOutcome, SourceFiles, SqueezeInput } from '../job-context.ts';
import { openAdapter } from '../open-adapter.ts';
import { squeeze } from '../squeeze.ts';
import { Watch } from '../watch.ts';
import { writeStack } from './stack-file.ts';

const CANCELLATION =
  'Singular values are those of the weighted sum. Where adapters cancel out, what is left below about 1e-7 of them is rounding.';

const CHUNK_BYTES = 1024 * 1024;

interface MergeInput extends JobContext {
  /** The terms of the sum; an adapter may come twice. */
  readonly parts: readonly (SourceFiles & { readonly weight: number })[];
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
}

/**
 * Σ weight·ΔW of some adapters, squeezed to every target. The sum is written as stacked factors, never as ΔW, and is
 * then an adapter like any other; a target that asks for no less than its rank gets the stack itself.
 * @throws AppError MERGE_* where the adapters do not fit together, and all that `squeeze` throws
 */
export async function merge(input: MergeInput, pool: ComputePool): Promise<JobOutcome> {
  const startedMs = performance.now();
  const { parts, targets, options, ...context } = input;
  const watch = new Watch(input.onProgress, input.signal);
  watch.begin('load', 0);
  const { terms, files } = await openTerms(parts, async (source) => {
    const dir = join(input.scratchDir, source.id);
    await mkdir(dir);
    return openAdapter(source, dir, pool, watch);
  });
  const { modules, shared, metadata, configBytes, warnings, matchDtype } = sumOfTerms(terms);
  await watch.clocked('load', () => refuseConflicts(shared, files));

  watch.begin('load', modules.length);
  const stack = await writeStack({ modules, shared, metadata, files }, input.scratchDir, pool, watch);
  const stacking = watch.timings(pool.provider.threads, (performance.now() - startedMs) / 1000);
  const outcome = await squeeze(
    {
      ...context,
      kind: 'merge',
      sources: parts.map(({ id, sha256, bytes, base_model, weight }) => ({
        id,
        sha256,
        bytes,
        base_model,
        weight,
      })),
      weightsPath: stack,
      configBytes,
      targets,
      options,
      matchDtype,
      warnings,
    },
    pool,
  );
  await rm(stack);
  const timings = sum(stacking, outcome.timings);
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

/** The file that a sum is written to before it is squeezed, and how that is done. */
export interface Sum {
  readonly modules: readonly StackedModule[];
  readonly shared: readonly SharedTensor[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly configBytes: Uint8Array;
  readonly warnings: readonly string[];
  readonly matchDtype: NonNullable<SqueezeInput['matchDtype']>;
}

/** @throws AppError MERGE_* where the adapters do not fit together, CONFIG_TOO_LARGE */
export function sumOfTerms(terms: readonly MergeTerm[]): Sum {
  const { modules, warnings } = stackModules(terms);
  return {
    modules,
    configBytes: mergeConfig(terms, modules),
    shared: sharedTensors(terms),
    metadata: commonMetadata(terms),
    warnings: [...warnings, ...warningsOf(terms)],
    matchDtype: commonDtype(terms),
  };
}

/**
 * An adapter that comes twice is one term: x − x is then exactly zero, and ½·x + ½·x exactly x at its own rank.
 * @param open reads one of them; its weights lie where it says
 * @throws AppError MERGE_UNSUPPORTED; as `open`
 */
export async function openTerms(
  parts: MergeInput['parts'],
  open: (source: SourceFiles) => Promise<{ readonly adapter: Adapter; readonly weightsPath: string }>,
): Promise<{ terms: MergeTerm[]; files: ReadonlyMap<string, Pick<SourceFiles, 'weightsPath'>> }> {
  const terms = new Map<string, MergeTerm>();
  const files = new Map<string, Pick<SourceFiles, 'weightsPath'>>();
  for (const { weight, ...source } of parts) {
    const { id } = source;
    const known = terms.get(id);
    if (known) {
      terms.set(id, { ...known, weight: known.weight + weight });
      continue;
    }
    const { adapter, weightsPath } = await open(source);
    refuseOtherFormat(id, adapter);
    terms.set(id, { id, adapter, weight });
    files.set(id, { weightsPath });
  }
  return { terms: [...terms.values()], files };
}

/** The sum is written as PEFT writes it: with one configuration for all, and each module's factors for themselves. */
function refuseOtherFormat(id: string, { format, modules }: Adapter): void {
  const expert = modules.find((module) => module.expert);
  if (expert) {
    throw new AppError(
      'MERGE_UNSUPPORTED',
      `adapter ${id} has experts that share tensors (module ${JSON.stringify(expert.name)}), which cannot be added yet`,
      { adapter: id, module: expert.name },
    );
  }
  if (format === 'peft') return;
  throw new AppError(
    'MERGE_UNSUPPORTED',
    `adapter ${id} is in the format ${format}; only PEFT adapters can be added: convert it first`,
    { adapter: id, format },
  );
}

/** What "match" means: the dtype of all factors where they have one, else float32. */
function commonDtype(terms: readonly MergeTerm[]): NonNullable<SqueezeInput['matchDtype']> {
  const dtypes = new Set<FactorDtype>();
  for (const { adapter } of terms) for (const { a, b } of adapter.modules) dtypes.add(a.dtype).add(b.dtype);
  return DTYPE_NAMES[dtypes.size === 1 ? [...dtypes][0]! : 'F32'];
}

/** Entries on which all adapters agree, without what earlier squeezes said of themselves. */
function commonMetadata([first, ...others]: readonly MergeTerm[]): Map<string, string> {
  return new Map(
    [...first!.adapter.metadata].filter(
      ([key, value]) =>
        !key.startsWith('lora_squeeze.') &&
        others.every(({ adapter }) => adapter.metadata.get(key) === value),
    ),
  );
}

function warningsOf(terms: readonly MergeTerm[]): string[] {
  return [
    ...new Set(terms.flatMap(({ id, adapter }) => adapter.warnings.map((text) => `Adapter ${id}: ${text}`))),
  ];
}

function sum(x: Timings, y: Timings): Timings {
  const keys = Object.keys(x) as (keyof Timings)[];
  return Object.fromEntries(keys.map((key) => [key, x[key] + y[key]])) as Timings;
}

/**
 * Sees to it that tensors which are carried over are the same in all adapters that have them.
 * @throws AppError MERGE_TENSOR_CONFLICT naming the tensor and two adapters
 */
async function refuseConflicts(
  tensors: readonly SharedTensor[],
  files: ReadonlyMap<string, Pick<SourceFiles, 'weightsPath'>>,
): Promise<void> {
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
    // The header was checked against the file's size; a shorter file now differs from whatever it is compared with.
    if (bytesRead === 0) return chunk.subarray(0, done);
    done += bytesRead;
  }
  return chunk;
}
