import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter } from '../adapter/adapter.ts';
import { CONFIG_FILE } from '../adapter/file-names.ts';
import type { StagingPlan } from '../adapter/staging-plan.ts';
import type { ComputePool } from '../compute/pool.ts';
import { formatOf } from '../formats/formats.ts';
import { type AdapterFiles, readAdapter } from '../formats/read-adapter.ts';
import type { ProgressTracker } from './progress-tracker.ts';
import { writeStaged } from './stage/write-staged.ts';

/** An adapter whose factors are stored row by row in one file. */
export interface OpenedAdapter {
  readonly adapter: Adapter;
  /** The file of the source, or one that was converted from it. */
  readonly weightsPath: string;
  /** By module: ‖ΔW‖² of the part that its factors leave out, without its scale. Empty if they are exact. */
  readonly residuals: ReadonlyMap<string, number>;
  /** Whether the numbers of the adapter were computed or decoded, rather than at most moved. */
  readonly isConverted: boolean;
}

/**
 * Reads an adapter of any format, and converts it to plain factors if necessary.
 * @param dir existing folder for the converted file
 * @throws AppError for all faults of the files, CANCELLED
 */
export async function openAdapter(
  files: AdapterFiles,
  dir: string,
  pool: ComputePool,
  tracker: ProgressTracker,
): Promise<OpenedAdapter> {
  const { adapter, decoding, staging } = await readAdapter(files);
  let [weightsPath, residuals]: [string, OpenedAdapter['residuals']] = [files.weightsPath, new Map()];
  if (decoding) {
    const path = join(dir, 'decoded.safetensors');
    await writeStaged(decoding, weightsPath, path, pool, tracker);
    weightsPath = path;
  }
  if (staging) {
    const path = join(dir, 'staged.safetensors');
    residuals = await writeStaged(staging, weightsPath, path, pool, tracker);
    if (decoding) await rm(weightsPath);
    weightsPath = path;
  }
  return {
    adapter,
    weightsPath,
    residuals,
    isConverted: computesFactors(decoding) || computesFactors(staging),
  };
}

/** Whether the factors of a plan are computed or decoded, rather than at most moved. */
export const computesFactors = (plan: StagingPlan | null): boolean =>
  plan?.tensors.some(({ source }) => source.kind === 'derived' || source.kind === 'dequantise') ?? false;

/** The files from which an adapter was read, under the names of its format, the weights first. */
export async function filesRead(
  { format }: Pick<Adapter, 'format'>,
  { weightsPath, configBytes }: AdapterFiles,
): Promise<{ readonly name: string; readonly bytes: number }[]> {
  const weights = { name: formatOf(format).weightsName, bytes: (await stat(weightsPath)).size };
  return configBytes ? [weights, { name: CONFIG_FILE, bytes: configBytes.length }] : [weights];
}
