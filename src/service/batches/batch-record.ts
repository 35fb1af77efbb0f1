import type { BatchCounts, BatchJob, BatchRecord, BatchState, BatchSummary } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { BatchManifest } from './batch-manifest.ts';

/** A job, as a batch tells of it. */
export function batchJob(job: JobRecord, reused: boolean): BatchJob {
  const { id, request, state, error, finished_at, results } = job;
  return {
    id,
    href: `/v1/jobs/${id}`,
    kind: request.kind as BatchJob['kind'],
    adapter_id: 'adapter_id' in request ? (request.adapter_id ?? null) : null,
    state,
    reused,
    error_code: state === 'failed' ? (error?.code ?? null) : null,
    finished_at,
    results: results.map(({ adapter_id }) => ({ adapter_id, href: `/v1/adapters/${adapter_id}` })),
  };
}

/**
 * A batch as its jobs make it.
 * @param isCancelled whether it was, as a whole
 */
export function batchRecord(
  { id, request, retry_of, ttl_seconds, created_at }: BatchManifest,
  jobs: readonly BatchJob[],
  isCancelled: boolean,
): BatchRecord {
  const counts: BatchCounts = { queued: 0, active: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const { state } of jobs) counts[state]++;
  const left = counts.queued + counts.active;
  const finishedAt = left > 0 ? null : lastOf(created_at, jobs);
  const { labels = {} } = request;
  const isKept = finishedAt === null || ttl_seconds === null;
  return {
    id,
    state: stateOf(counts, left, isCancelled),
    counts,
    progress: { done: jobs.length - left, total: jobs.length },
    labels,
    retry_of,
    created_at,
    finished_at: finishedAt,
    expires_at: isKept ? null : new Date(Date.parse(finishedAt) + ttl_seconds * 1000).toISOString(),
    jobs: [...jobs],
  };
}

/** Whether all jobs of a batch have ended. */
export const isFinished = ({ finished_at }: BatchSummary): boolean => finished_at !== null;

export const summaryOf = ({ jobs: _, ...summary }: BatchRecord): BatchSummary => summary;

function stateOf({ failed, cancelled }: BatchCounts, left: number, isCancelled: boolean): BatchState {
  if (isCancelled) return 'cancelled';
  if (left > 0) return 'active';
  if (failed > 0) return 'failed';
  return cancelled > 0 ? 'cancelled' : 'succeeded';
}

/** When the last job ended; one of all old jobs ended when it came. */
function lastOf(createdAt: string, jobs: readonly BatchJob[]): string {
  const ends = jobs.map(({ finished_at }) => Date.parse(finished_at ?? createdAt));
  return new Date(ends.reduce((x, y) => Math.max(x, y), Date.parse(createdAt))).toISOString();
}
