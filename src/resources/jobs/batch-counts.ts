import type { BatchJob, BatchState, BatchSummary } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { BatchMemberTable, BatchTable } from '../../database/job-tables.ts';
import { type Condition, sql } from '../../database/sql.ts';

/** How jobs end: the columns that count them. */
const ENDS = ['succeeded', 'partial', 'failed', 'cancelled'] as const;

/** What a summary is made of. */
export const SUMMARY_COLUMNS = [
  'id',
  'name',
  'labels',
  'retry_of',
  'webhook',
  'jobs',
  ...ENDS,
  'created_at',
  'cancelled_at',
  'finished_at',
  'expires_at',
] as const satisfies readonly (keyof BatchTable)[];

export type SummaryRow = Pick<BatchTable, (typeof SUMMARY_COLUMNS)[number]>;

/** A batch without its jobs. @param active how many of them run now; others that have not ended are queued */
export function batchSummary(row: SummaryRow, active = 0): BatchSummary {
  const { id, jobs: total, succeeded, partial, failed, cancelled, retry_of } = row;
  const done = endedJobs(row);
  return {
    id,
    state: stateOf(row),
    counts: { queued: total - done - active, active, succeeded, partial, failed, cancelled },
    progress: { done, total },
    name: row.name,
    labels: JSON.parse(row.labels) as Labels,
    retry_of,
    webhook_id: row.webhook,
    created_at: new Date(row.created_at).toISOString(),
    finished_at: timeOf(row.finished_at),
    expires_at: timeOf(row.expires_at),
  };
}

export const memberRow = (batch: string, job: JobRecord, position: number): BatchMemberTable => ({
  batch,
  job: job.id,
  position,
  kind: job.kind,
  adapter: 'adapter_id' in job.request ? (job.request.adapter_id ?? null) : null,
  retry_of: job.retry_of,
  ...endOf(job),
});

/** A job, as a batch tells of it. */
export const batchJob = (row: BatchMemberTable, isActive = false): BatchJob => ({
  id: row.job,
  href: `/v1/jobs/${row.job}`,
  kind: row.kind as BatchJob['kind'],
  adapter_id: row.adapter,
  state: isActive ? 'active' : row.state,
  error_code: row.error_code,
  finished_at: timeOf(row.finished_at),
  results: (JSON.parse(row.results) as string[]).map((adapter_id) => ({
    adapter_id,
    href: `/v1/adapters/${adapter_id}`,
  })),
});

/**
 * Notes the end of a job in its batch, once, in the transaction that ends the job. Of jobs that end at once each waits for
 * the one before here, so one of them is the last.
 * @returns the batch where the job was the last one: it has ended now
 */
export async function endInBatch(writer: Writer, job: JobRecord): Promise<BatchSummary | undefined> {
  const { batch_id: id, state } = job;
  if (id === null || state === 'queued' || state === 'active') return undefined;
  const counted = await writer
    .updateTable('batch')
    .set((eb) => ({ [state]: eb(state, '+', 1) }))
    .where('id', '=', id)
    .returning(['jobs', ...ENDS, 'created_at', 'ttl_seconds'])
    .executeTakeFirst();
  if (!counted) return undefined;
  await writer
    .updateTable('batch_member')
    .set(endOf(job))
    .where('batch', '=', id)
    .where('job', '=', job.id)
    .execute();
  const { jobs, created_at, ttl_seconds } = counted;
  if (endedJobs(counted) < jobs) return undefined;
  const { last } = await writer
    .selectFrom('batch_member')
    .select(({ fn }) => fn.max('finished_at').as('last'))
    .where('batch', '=', id)
    .executeTakeFirstOrThrow();
  const row = await writer
    .updateTable('batch')
    .set(batchEndColumns(Math.max(created_at, Number(last)), ttl_seconds))
    .where('id', '=', id)
    .returning(SUMMARY_COLUMNS)
    .executeTakeFirstOrThrow();
  return batchSummary(row);
}

/** Batches of all tenants that lack jobs, or were cancelled and have some that have not ended. */
export const unfinishedBatches = ({ reader }: Pick<Database, 'reader'>) =>
  reader
    .selectFrom('batch')
    .select(['id', 'tenant'])
    .where('finished_at', 'is', null)
    .where(({ or, eb }) => or([eb('opened_at', 'is', null), eb('cancelled_at', 'is not', null)]))
    .orderBy('id')
    .execute();

/** What is written of a batch that has ended. @param ttlSeconds how long it is kept from then on; null: until it is deleted */
export const batchEndColumns = (finishedAtMs: number, ttlSeconds: number | null) => ({
  finished_at: finishedAtMs,
  expires_at: ttlSeconds === null ? null : finishedAtMs + ttlSeconds * 1000,
});

const endOf = ({ state, finished_at, error, results }: JobRecord) => ({
  state: state as BatchMemberTable['state'],
  finished_at: finished_at === null ? null : Date.parse(finished_at),
  error_code: errorOf({ state, error, results })?.code ?? null,
  results: JSON.stringify(results.flatMap((one) => (one.state === 'succeeded' ? one.adapter_id : []))),
});

/** Of a partial job that of the first target that failed. */
const errorOf = ({ state, error, results }: Pick<JobRecord, 'state' | 'error' | 'results'>) =>
  state === 'partial'
    ? results.find((one) => one.state === 'failed')?.error
    : state === 'failed'
      ? error
      : undefined;

/** How many jobs of a batch have ended. */
export const endedJobs = ({
  succeeded,
  partial,
  failed,
  cancelled,
}: Pick<BatchTable, (typeof ENDS)[number]>): number => succeeded + partial + failed + cancelled;

/** The same of a row in a query, in the words of the index batch_state. */
export const isInState = (state: BatchState): Condition => sql`(case
  when cancelled_at is not null then 'cancelled' when finished_at is null then 'active'
  when partial > 0 or failed > 0 and succeeded > 0 then 'partial' when failed > 0 then 'failed'
  when cancelled > 0 then 'cancelled' else 'succeeded' end) = ${state}`;

function stateOf(row: SummaryRow): BatchState {
  const { cancelled_at, finished_at, succeeded, partial, failed, cancelled } = row;
  if (cancelled_at !== null) return 'cancelled';
  if (finished_at === null) return 'active';
  if (partial > 0 || (failed > 0 && succeeded > 0)) return 'partial';
  if (failed > 0) return 'failed';
  return cancelled > 0 ? 'cancelled' : 'succeeded';
}

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
