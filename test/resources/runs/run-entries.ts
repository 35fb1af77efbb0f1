import { hash } from 'node:crypto';
import type { RunRequest } from '../../../src/contract/run.ts';
import type { WrittenFiles } from '../../../src/resources/contents/contents.ts';
import { planAdaptive } from '../../../src/resources/runs/adaptive-plan.ts';
import type { IncomingCheckpoint } from '../../../src/resources/runs/decide.ts';
import type { Outcome, PastCheckpoint } from '../../../src/resources/runs/lineage.ts';
import type { CheckpointManifest, RunManifest } from '../../../src/resources/runs/run-manifest.ts';
import { planSchedule } from '../../../src/schedule/plan-schedule.ts';

/** Ranks 64, 32, 16, 8; squeezes at 1000, 2000, 3000; ends at 4000. */
export const SCHEDULE = { source_rank: 64, target_rank: 8, total_steps: 4000, recipe: 'equal' as const };

export function runManifest(request: RunRequest = { schedule: SCHEDULE }): RunManifest {
  return {
    id: `run_${'0'.repeat(32)}`,
    name: request.name ?? null,
    request,
    schedule: 'schedule' in request ? planSchedule(request.schedule) : null,
    adaptive: 'adaptive' in request ? planAdaptive(request.adaptive) : null,
    webhook_id: null,
    created_at: '2026-01-01T00:00:00.000Z',
  };
}

/** The list of modules that belongs to an entry. */
export const MODULES: WrittenFiles = {
  writeId: null,
  files: [
    { name: 'modules', sha256: hash('sha256', '[]'), bytes: 2, inline: Buffer.from('[]').toString('base64') },
  ],
};
const MODULES_SHA256 = MODULES.files[0]!.sha256;

/** Modules of one rank, with this many parameters for each rank. */
const PARAMETERS_PER_RANK = 100;
const ofRank = (rank: number) => [{ rank, parameters_per_rank: PARAMETERS_PER_RANK }];

export const uniform = (rank: number) => ({ min: rank, max: rank });

/** A checkpoint of one rank; its content is named after step and rank unless a name is given. */
export const arrival = (
  step: number,
  rank: number,
  change: Partial<IncomingCheckpoint> = {},
): IncomingCheckpoint => ({
  step,
  rewind: false,
  loss: null,
  digest: `digest_${step}_${rank}`,
  optimizerSha256: null,
  ranks: uniform(rank),
  modulesByRank: ofRank(rank),
  baseModel: 'some/model',
  modulesSha256: MODULES_SHA256,
  ...change,
});

type Change = Partial<Omit<CheckpointManifest, 'step'>>;

/** What is recorded of a checkpoint that is kept. */
export const KEPT = { decision: 'keep', target: null, job_id: null, source_adapter_id: null } as const;

/** A checkpoint that must be squeezed. */
export function entry(step: number, rank: number, change: Change = {}): CheckpointManifest {
  return {
    run_id: `run_${'0'.repeat(32)}`,
    sequence: 1,
    step,
    decision: 'squeeze',
    reason: 'A reason.',
    late_by_steps: 0,
    rank_before: uniform(rank),
    modules_by_rank: ofRank(rank),
    stage_rank: null,
    source_adapter_id: `ad_${step}_${rank}`,
    source_digest: `digest_${step}_${rank}`,
    optimizer_sha256: null,
    base_model: 'some/model',
    modules_sha256: MODULES_SHA256,
    target: { rank: rank / 2 },
    job_id: `job_${step}`,
    created_at: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

/** A checkpoint that was kept: nothing of it is stored. */
export const keptEntry = (step: number, rank: number, change: Change = {}): PastCheckpoint => ({
  checkpoint: entry(step, rank, { ...KEPT, ...change }),
  outcome: { state: 'succeeded', rank: uniform(rank), parameters: null, adapterId: null },
});

/** A checkpoint that was squeezed from one rank to another. */
export const squeezedEntry = (
  step: number,
  from: number,
  to: number,
  change: Change = {},
): PastCheckpoint => ({
  checkpoint: entry(step, from, { target: { rank: to }, ...change }),
  outcome: {
    state: 'succeeded',
    rank: uniform(to),
    parameters: PARAMETERS_PER_RANK * to,
    adapterId: `ad_result_${step}_${to}`,
  },
});

/** A checkpoint whose squeeze is pending or has failed. */
export const unfinishedEntry = (
  step: number,
  rank: number,
  state: Exclude<Outcome['state'], 'succeeded'>,
  change: Change = {},
): PastCheckpoint => ({ checkpoint: entry(step, rank, change), outcome: { state } });
