import type { AdapterRecord } from '../../contract/adapter.ts';
import type { JobRecord, SucceededResult } from '../../contract/job.ts';
import type { CheckpointFile, CheckpointRecord, RunRecord } from '../../contract/run.ts';
import { starvedNotes } from '../../schedule/learning-rate.ts';
import type { AdaptivePlan } from './adaptive-plan.ts';
import { earliestSqueezeStep } from './decide-adaptive.ts';
import {
  checkpointOutcome,
  isSqueezed,
  type PastCheckpoint,
  type Position,
  positionIn,
  stageRankAfter,
} from './lineage.ts';
import { type CheckpointManifest, clockOfRun, type RunManifest } from './run-manifest.ts';
import { learningRateNow, runProgress } from './run-progress.ts';

/**
 * A run in the form of the API.
 * @param checkpoints the records of the log's entries
 */
export function runRecord(
  run: RunManifest,
  log: readonly PastCheckpoint[],
  checkpoints: readonly CheckpointRecord[],
): RunRecord {
  const { id, name, request, schedule, webhook_id, created_at } = run;
  const position = positionIn(run, log);
  const { rank, stageRank } = position;
  const course = runProgress(run, position);
  // May be a failed checkpoint, which must be sent again; a later one at its step or before would have superseded it.
  const newest = checkpoints.at(-1);
  return {
    id,
    name,
    base_model: request.base_model ?? checkpointedBase(log),
    mode: schedule ? 'scheduled' : 'adaptive',
    request,
    webhook_id,
    schedule,
    rank,
    step: newest?.step ?? null,
    at_target: stageRank <= clockOfRun(run).target_rank,
    learning_rate: learningRateNow(course),
    next_checkpoint_step: newest
      ? newest.next_checkpoint_step
      : nextCheckpointStep(run, { step: null, stageRank, lastSqueezeStep: null }),
    notes: starvedNotes(course.stages, course.learning),
    checkpoints: [...checkpoints],
    created_at,
  };
}

const checkpointedBase = (log: readonly PastCheckpoint[]): string | null =>
  log.findLast(({ checkpoint }) => checkpoint.base_model !== null)?.checkpoint.base_model ?? null;

/** The sources of a checkpoint's record. */
export interface CheckpointView {
  readonly run: RunManifest;
  readonly checkpoint: CheckpointManifest;
  /** undefined for keep, and if the run was rewound before the job was submitted. */
  readonly job: JobRecord | undefined;
  readonly superseded: boolean;
  /** The state of the run before this checkpoint. */
  readonly before: Position;
  /** The state of the run after it. */
  readonly after: Position;
  /** The record of the adapter to continue with; undefined if nothing was squeezed. */
  readonly result: AdapterRecord | undefined;
}

/** A checkpoint in the form of the API. */
export function checkpointRecord(view: CheckpointView): CheckpointRecord {
  const { checkpoint, job, superseded } = view;
  const past = { checkpoint, outcome: checkpointOutcome(checkpoint, job) };
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
    loss: checkpoint.loss ?? null,
    learning_rate: outcome.state === 'succeeded' ? learningRateNow(runProgress(view.run, view.after)) : null,
    training: trainingOf(done),
    files: isSqueezed(past) && done ? filesOf(view, done) : [],
    job_id: checkpoint.job_id,
    superseded,
    next_checkpoint_step: nextAfter(view, past),
    error: job?.error ?? null,
    created_at: checkpoint.created_at,
  };
}

function reasonOf(past: PastCheckpoint): string {
  const { decision, reason, rank_before, target } = past.checkpoint;
  if (decision === 'keep' || isSqueezed(past)) return reason;
  if (target && 'budget_parameters' in target)
    return `${reason} The modules already have no more parameters than that, so there was nothing to squeeze.`;
  return `${reason} No rank below ${rank_before.max} satisfies this, so there was nothing to squeeze.`;
}

function stateOf(
  { job, superseded }: CheckpointView,
  { outcome }: PastCheckpoint,
): CheckpointRecord['state'] {
  if (outcome.state !== 'pending') return outcome.state;
  // A rewound run no longer needs a job that was never created.
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
    href: `${path}/${file.name}`,
  });
  return [
    ...(result?.files ?? []).map(at(`/v1/adapters/${done.adapter_id}/files`)),
    ...(done.training?.files ?? []).map(at(`/v1/jobs/${checkpoint.job_id}/artifacts`)),
  ];
}

function nextAfter({ run, before }: CheckpointView, past: PastCheckpoint): number | null {
  const { step } = past.checkpoint;
  // Treated as if it had not been sent, because it may be sent again.
  if (past.outcome.state === 'failed' || past.outcome.state === 'cancelled') return step;
  return nextCheckpointStep(run, stateAfter(past, before));
}

/** The state of the run after a checkpoint; while that is being squeezed, as if it already had the new rank. */
function stateAfter(past: PastCheckpoint, { stageRank, lastSqueezeStep }: Position): RunState {
  const { step, stage_rank } = past.checkpoint;
  return {
    step,
    stageRank: stageRankAfter(past) ?? stage_rank ?? stageRank,
    lastSqueezeStep: isSqueezed(past) ? step : lastSqueezeStep,
  };
}

/** The facts on which the next checkpoint depends. */
interface RunState extends Pick<Position, 'lastSqueezeStep'> {
  /** The step of the newest checkpoint; null before the first. */
  readonly step: number | null;
  /** As in Position, or the rank of the squeeze in progress. */
  readonly stageRank: number;
}

/** The step at which the trainer should send its next checkpoint; null if no squeeze is left to do. */
export function nextCheckpointStep({ schedule, adaptive }: RunManifest, at: RunState): number | null {
  // If the rank is too high for its stage, for whatever reason, the squeeze to that stage is overdue and comes next.
  if (schedule) return schedule.squeezes.find(({ to_rank }) => to_rank < at.stageRank)?.step ?? null;
  return nextCheckStep(adaptive!, at);
}

function nextCheckStep(plan: AdaptivePlan, { step, stageRank, lastSqueezeStep }: RunState): number | null {
  if (stageRank <= plan.target_rank) return null;
  const allowed = earliestSqueezeStep(plan, { lastSqueezeStep });
  const next = step === null || step < allowed ? allowed : step + plan.check_every_steps;
  return next > plan.last_squeeze_step - plan.min_stage_steps ? plan.last_squeeze_step : next;
}
