import { formatPercent } from '../charts/format.ts';
import { JOB_PHASES, type JobRecord } from '../contract/job.ts';
import { formatRange, textTable } from './format.ts';
import { describePhase } from './phases.ts';

type Job = Pick<JobRecord, 'id' | 'kind' | 'state' | 'created_at' | 'progress' | 'results' | 'error'>;

export const hasEnded = ({ state }: { readonly state: string }): boolean =>
  state !== 'queued' && state !== 'active';

/** The share of a job that is done, 0 to 1. All phases have equal weight. */
export function progressShare({ state, progress: { phase, done, total } }: Job): number {
  if (hasEnded({ state })) return 1;
  const index = (JOB_PHASES as readonly string[]).indexOf(phase);
  return index < 0 ? 0 : (index + (total > 0 ? done / total : 0)) / JOB_PHASES.length;
}

/** The current phase of a job, or its outcome. */
export function describeOutcome({ state, progress, results, error }: Job): string {
  if (error) return error.code;
  if (!hasEnded({ state })) return describePhase(progress.phase);
  return results
    .map((result) =>
      result.state === 'failed'
        ? result.error.code
        : `rank ${formatRange(result.rank)}, error ${formatPercent(result.relative_error)}`,
    )
    .join('; ');
}

export const jobTable = (jobs: readonly Job[]): string =>
  textTable(
    ['id', 'kind', 'state', 'created', 'outcome'],
    jobs.map((job) => [job.id, job.kind, job.state, formatMinute(job.created_at), describeOutcome(job)]),
  );

/** A time to the minute, in UTC. */
export const formatMinute = (time: string): string => time.slice(0, 16).replace('T', ' ');
