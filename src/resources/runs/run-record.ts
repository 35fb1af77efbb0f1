import type { CheckpointRecord, RunRecord } from '../../contract/run.ts';
import { starvedNotes } from '../../schedule/learning-rate.ts';
import { courseOf, learningRateNow } from './course.ts';
import { type Past, positionIn } from './lineage.ts';
import { nextCheckpointStep } from './next-checkpoint.ts';
import { clockOfRun, type RunManifest } from './run-manifest.ts';

/**
 * A run as clients see it.
 * @param checkpoints the records of the log's entries
 */
export function runRecord(
  run: RunManifest,
  log: readonly Past[],
  checkpoints: readonly CheckpointRecord[],
): RunRecord {
  const { id, request, schedule, created_at } = run;
  const { rank, stageRank } = positionIn(run, log);
  const course = courseOf(run, log);
  // Also one that failed, which has to be sent again; a later one at its step or before would have superseded it.
  const newest = checkpoints.at(-1);
  return {
    id,
    name: request.name ?? null,
    base_model: request.base_model ?? checkpointedBase(log),
    mode: schedule ? 'scheduled' : 'adaptive',
    request,
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

const checkpointedBase = (log: readonly Past[]): string | null =>
  log.findLast(({ checkpoint }) => checkpoint.base_model !== null)?.checkpoint.base_model ?? null;
