import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { DeliveredAdapter } from '../../contract/transfer-job.ts';
import type { Writer } from '../../database/database.ts';
import type { JobFileTable, JobTable } from '../../database/job-tables.ts';
import { labelRows } from '../../database/lists/label-filter.ts';
import { sql } from '../../database/sql.ts';
import { pendingDeliveries, sourceIds } from './adapters-of-request.ts';
import { hasTransfers, withoutSecrets } from './transfer-requests.ts';

/** The parts of a job's outcome that no query filters by. */
export type RecordedOutcome = Pick<
  JobRecord,
  'progress' | 'imported' | 'results' | 'deliveries' | 'timings' | 'provider' | 'error'
>;

const NO_OUTCOME: RecordedOutcome = {
  progress: { phase: 'waiting', done: 0, total: 0, module: null },
  imported: null,
  results: [],
  deliveries: [],
  timings: null,
  provider: null,
  error: null,
};

/** The JSON column for these parts of the outcome. */
export function outcomeColumn(job: RecordedOutcome): string {
  const { progress, imported, results, deliveries, timings, provider, error } = job;
  return JSON.stringify({ progress, imported, results, deliveries, timings, provider, error });
}

/** The columns of a record, without those that hold secrets. */
export const JOB_COLUMNS = [
  'id',
  'kind',
  'state',
  'priority',
  'name',
  'labels',
  'batch',
  'retry_of',
  'webhook',
  'ttl_seconds',
  'created_at',
  'started_at',
  'finished_at',
  'expires_at',
  'attempts',
  'reused',
  'request',
  'outcome',
] as const satisfies readonly (keyof JobTable)[];

type RecordRow = Pick<JobTable, (typeof JOB_COLUMNS)[number]>;

/** The current state of a job, without secrets and without progress. */
export const jobRecord = (row: RecordRow): JobRecord => {
  const request = JSON.parse(row.request) as JobRecord['request'];
  return {
    id: row.id,
    kind: row.kind as JobRecord['kind'],
    state: row.state,
    created_at: timeOf(row.created_at),
    started_at: row.started_at === null ? null : timeOf(row.started_at),
    finished_at: row.finished_at === null ? null : timeOf(row.finished_at),
    attempts: row.attempts,
    name: row.name,
    labels: JSON.parse(row.labels) as Labels,
    priority: row.priority as JobRecord['priority'],
    ttl_seconds: row.ttl_seconds,
    expires_at: row.expires_at === null ? null : timeOf(row.expires_at),
    batch_id: row.batch,
    retry_of: row.retry_of,
    webhook_id: row.webhook,
    reused: row.reused === 1,
    request,
    ...(row.outcome === null
      ? { ...NO_OUTCOME, deliveries: pendingDeliveries(request) }
      : (JSON.parse(row.outcome) as RecordedOutcome)),
  };
};

/** A job with the encrypted secrets of its request, if there are any. */
export const withEncrypted = (job: JobRecord, encrypted: string | null): JobRecord =>
  encrypted === null ? job : { ...job, request: JSON.parse(encrypted) as JobRecord['request'] };

/** Whether a delivery can be retried. A failed target has nothing to deliver. */
export const isRetriable = ({ state, adapter_id }: DeliveredAdapter): boolean =>
  state === 'failed' && adapter_id !== null;

/** The columns of a job that has ended. */
export function jobEndColumns(job: JobRecord, defaultTtlSeconds: number | undefined) {
  const finishedAt = job.finished_at === null ? Date.now() : Date.parse(job.finished_at);
  // A job is kept for its time to live after it ended; the jobs of a run are kept as long as the run.
  const ttlSeconds = job.ttl_seconds ?? (job.kind === 'checkpoint' ? undefined : defaultTtlSeconds);
  const expiresAt = ttlSeconds === undefined ? null : finishedAt + ttlSeconds * 1000;
  // Failed deliveries may be retried, which needs the encrypted secrets.
  const isEncrypted = job.state !== 'cancelled' && job.deliveries.some(isRetriable);
  return {
    state: job.state,
    started_at: job.started_at === null ? null : Date.parse(job.started_at),
    finished_at: finishedAt,
    // If its run was removed, it has already expired.
    expires_at: sql<number | null>`coalesce(expires_at, ${expiresAt})`,
    attempts: job.attempts,
    reused: job.reused ? 1 : 0,
    outcome: outcomeColumn(job),
    ...(!isEncrypted && { encrypted_request: null }),
  };
}

/** Rows of one statement. Most statements thus have the same text, and fewer values than SQLite's limit. */
const ROWS_AT_ONCE = 50;

/** Splits rows into the slices in which they are inserted. */
export function* slicesToInsert<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let begin = 0; begin < rows.length; begin += ROWS_AT_ONCE)
    yield rows.slice(begin, begin + ROWS_AT_ONCE);
}

/** A job that was accepted and has an execution. */
export interface PlacedJob {
  readonly job: JobRecord;
  /** Id of the execution. */
  readonly execution: string;
  /** Whether the job may share finished work, or work that is under way. */
  readonly reuse: boolean;
}

/** Inserts newly accepted jobs, with the rows by which they are found. */
export async function insertJobs(writer: Writer, tenant: string, jobs: readonly PlacedJob[]): Promise<void> {
  for (const some of slicesToInsert(jobs))
    await writer
      .insertInto('job')
      .values(some.map((job) => rowOf(tenant, job)))
      .execute();
  await insertLabels(
    writer,
    tenant,
    jobs.map(({ job }) => job),
  );
  const sources = jobs.flatMap(({ job: { id, request } }) =>
    sourceIds(request).map((adapter) => ({ tenant, adapter, job: id, finished_at: null })),
  );
  for (const some of slicesToInsert(sources)) await writer.insertInto('job_source').values(some).execute();
}

export async function insertLabels(
  writer: Writer,
  tenant: string,
  jobs: readonly Pick<JobRecord, 'id' | 'labels'>[],
): Promise<void> {
  const rows = jobs.flatMap(({ id: job, labels }) => labelRows(tenant, labels, { job }));
  for (const some of slicesToInsert(rows)) await writer.insertInto('job_label').values(some).execute();
}

/** Records contents that a job reads or has written besides adapters. */
export async function insertJobFiles(
  writer: Writer,
  job: string,
  files: readonly Omit<JobFileTable, 'job'>[],
): Promise<void> {
  if (files.length === 0) return;
  await writer
    .insertInto('job_file')
    .values(files.map((file) => ({ ...file, job })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function rowOf(tenant: string, { job, execution, reuse }: PlacedJob): JobTable {
  const { request } = job;
  return {
    id: job.id,
    tenant,
    kind: job.kind,
    state: job.state,
    priority: job.priority,
    name: job.name,
    labels: JSON.stringify(job.labels),
    batch: job.batch_id,
    retry_of: job.retry_of,
    webhook: job.webhook_id,
    ttl_seconds: job.ttl_seconds,
    created_at: Date.parse(job.created_at),
    started_at: job.started_at === null ? null : Date.parse(job.started_at),
    finished_at: null,
    expires_at: null,
    attempts: job.attempts,
    execution,
    work_execution: null,
    reuse: reuse ? 1 : 0,
    reused: job.reused ? 1 : 0,
    request: JSON.stringify(withoutSecrets(request)),
    encrypted_request: hasTransfers(request) ? JSON.stringify(request) : null,
    outcome: null,
  };
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
