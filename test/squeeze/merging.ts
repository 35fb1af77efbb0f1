import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComputePool } from '../../src/compute/pool.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Target } from '../../src/contract/target.ts';
import type { JobContext, SourceFiles } from '../../src/squeeze/job-context.ts';
import { merge } from '../../src/squeeze/merge/merge.ts';
import { CONFIG, readPeftAdapter, WEIGHTS } from '../oracle/peft-adapter.ts';
import { weightedSum } from '../oracle/weighted-sum.ts';
import { requireSuccess, type SuccessfulOutcome } from './successful-squeeze.ts';

export interface Term {
  readonly dir: string;
  readonly weight: number;
}

/** The adapter in a folder as a job gets it; its id is the last part of the folder's name. */
export function sourceOf(dir: string): SourceFiles {
  const config = JSON.parse(readFileSync(join(dir, CONFIG), 'utf8'));
  return {
    id: idOf(dir),
    sha256: idOf(dir).padEnd(64, '0'),
    bytes: readFileSync(join(dir, WEIGHTS)).length,
    base_model: config.base_model_name_or_path ?? null,
    weightsPath: join(dir, WEIGHTS),
    configBytes: readFileSync(join(dir, CONFIG)),
  };
}

export const idOf = (dir: string): string => `ad_${dir.slice(-6)}`;

type Run = {
  readonly targets: readonly Target[];
  readonly options?: SqueezeOptions;
  readonly onProgress?: JobContext['onProgress'];
  readonly signal?: AbortSignal;
};

/** Merges into a new folder, passes the outcome on and removes the folder. */
export async function merging<T>(
  pool: ComputePool,
  terms: readonly Term[],
  { targets, options = {}, signal = new AbortController().signal, onProgress = () => {} }: Run,
  use: (outcome: SuccessfulOutcome, left: string[]) => T | Promise<T>,
): Promise<T> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'merged-'));
  try {
    const parts = terms.map(({ dir, weight }) => ({ ...sourceOf(dir), weight }));
    const outcome = requireSuccess(
      await merge({ parts, targets, options, scratchDir, onProgress, signal }, pool),
    );
    return await use(outcome, readdirSync(scratchDir));
  } finally {
    rmSync(scratchDir, { recursive: true });
  }
}

/** The true sum, calculated by the oracle. */
export const sumOf = (terms: readonly Term[]) =>
  weightedSum(terms.map(({ dir, weight }) => ({ adapter: readPeftAdapter(dir), weight })));
