import { percent } from '../charts/words.ts';
import { JOB_PHASES, type JobRecord } from '../contract/job.ts';
import { phaseWords } from './phases.ts';
import { range, textTable } from './words.ts';

type Job = Pick<JobRecord, 'id' | 'kind' | 'state' | 'created_at' | 'progress' | 'results' | 'error'>;

export const hasEnded = ({ state }: { readonly state: string }): boolean =>
  state !== 'queued' && state !== 'active';

/** The share of a job that is done, 0 to 1. All phases have equal weight. */
export function shareOf({ state, progress: { phase, done, total } }: Job): number {
  if (hasEnded({ state })) return 1;
  const index = (JOB_PHASES as readonly string[]).indexOf(phase);
  return index < 0 ? 0 : (index + (total > 0 ? done / total : 0)) / JOB_PHASES.length;
}

/** The current phase of a job, or its outcome. */
export function outcomeWords({ state, progress, results, error }: Job): string {
  if (error) return error.code;
  if (!hasEnded({ state })) return phaseWords(progress.phase);
  return results
    .map((result) =>
      result.state === 'failed'
        ? result.error.code
        : `rank ${range(result.rank)}, error ${percent(result.relative_error)}`,
    )
    .join('; ');
}

export const jobTable = (jobs: readonly Job[]): string =>
  textTable(
    ['id', 'kind', 'state', 'created', 'outcome'],
    jobs.map((job) => [job.id, job.kind, job.state, minute(job.created_at), outcomeWords(job)]),
  );

/** A time to the minute, in UTC. */
export const minute = (time: string): string => time.slice(0, 16).replace('T', ' ');
