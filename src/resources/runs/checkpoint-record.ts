import type { AdapterRecord } from '../../contract/adapter.ts';
import type { JobRecord, SucceededResult } from '../../contract/job.ts';
import type { CheckpointFile, CheckpointRecord } from '../../contract/run.ts';
import { type Course, learningRateNow } from './course.ts';
import { isSqueezed, outcomeOf, type Past, type Position, stageRankAfter } from './lineage.ts';
import { nextCheckpointStep, type Progress } from './next-checkpoint.ts';
import type { CheckpointManifest, RunManifest } from './run-manifest.ts';

/** Everything a checkpoint's record is made from. */
export interface CheckpointView {
  readonly run: RunManifest;
  readonly checkpoint: CheckpointManifest;
  /** undefined for keep, and where the run was rewound before the job was submitted. */
  readonly job: JobRecord | undefined;
  readonly superseded: boolean;
  /** Where the run stood before this checkpoint. */
  readonly before: Position;
  /** Its stages as of this checkpoint. */
  readonly course: Course;
  /** The record of the adapter to go on with; undefined where nothing was squeezed. */
  readonly result: AdapterRecord | undefined;
}

/** A checkpoint as clients see it. */
export function checkpointRecord(view: CheckpointView): CheckpointRecord {
  const { checkpoint, job, superseded } = view;
  const past = { checkpoint, outcome: outcomeOf(checkpoint, job) };
  const { outcome } = past;
  const [one] = job?.results ?? [];
  const done = one?.state === 'succeeded' ? one : undefined;
  return {
    run_id: checkpoint.run_id,
    step: checkpoint.step,
    decision: isSqueezed(past) ? 'squeeze' : 'keep',
    reason: reasonOf(past),
    state: stateOf(view, past),
    late_by_steps: checkpoint.late_by_steps,
    rank_before: checkpoint.rank_before,
    rank_after: outcome.state === 'succeeded' ? outcome.rank : null,
    source_adapter_id: checkpoint.source_adapter_id,
    adapter_id: outcome.state === 'succeeded' ? outcome.adapterId : null,
    relative_error: done?.relative_error ?? null,
    energy_retained: done?.energy_retained ?? null,
    learning_rate: outcome.state === 'succeeded' ? learningRateNow(view.course) : null,
    training: trainingOf(done),
    files: isSqueezed(past) && done ? filesOf(view, done) : [],
    job_id: checkpoint.job_id,
    superseded,
    next_checkpoint_step: nextAfter(view, past),
    error: job?.error ?? null,
    created_at: checkpoint.created_at,
  };
}

function reasonOf(past: Past): string {
  const { decision, reason, rank_before, target } = past.checkpoint;
  if (decision === 'keep' || isSqueezed(past)) return reason;
  if (target && 'budget_parameters' in target)
    return `${reason} They have no more, so there was nothing to squeeze.`;
  return `${reason} No rank below ${rank_before.max} does, so there was nothing to squeeze.`;
}

function stateOf({ job, superseded }: CheckpointView, { outcome }: Past): CheckpointRecord['state'] {
  if (outcome.state !== 'pending') return outcome.state;
  // A run that was rewound no longer needs a job that never came to be.
  if (superseded && !job) return 'cancelled';
  return job?.state === 'active' ? 'active' : 'queued';
}

function trainingOf(done: SucceededResult | undefined): CheckpointRecord['training'] {
  if (!done?.training) return null;
  const { files: _files, ...training } = done.training;
  return training;
}

function filesOf({ checkpoint, result }: CheckpointView, done: SucceededResult): CheckpointFile[] {
  const at = (path: string) => (file: Omit<CheckpointFile, 'href'>) => ({
    ...file,
    href: `${path}/files/${file.name}`,
  });
  return [
    ...(result?.files ?? []).map(at(`/v1/adapters/${done.adapter_id}`)),
    ...(done.training?.files ?? []).map(at(`/v1/jobs/${checkpoint.job_id}`)),
  ];
}

function nextAfter({ run, before }: CheckpointView, past: Past): number | null {
  const { step } = past.checkpoint;
  // As if it had not been sent: it may be sent again.
  if (past.outcome.state === 'failed' || past.outcome.state === 'cancelled') return step;
  return nextCheckpointStep(run, progressAfter(past, before));
}

/** Where the run stands after a checkpoint; while it is being squeezed to a rank, as if it were there already. */
function progressAfter(past: Past, { stageRank, lastSqueezeStep }: Position): Progress {
  const { step, stage_rank } = past.checkpoint;
  return {
    step,
    stageRank: stageRankAfter(past) ?? stage_rank ?? stageRank,
    lastSqueezeStep: isSqueezed(past) ? step : lastSqueezeStep,
  };
}
