import type { JobRecord } from '../contract/job.ts';
import type { Labels } from '../contract/labels.ts';
import type { Database, Writer } from '../database/database.ts';
import type { JobFileTable, JobTable } from '../database/tables.ts';
import { PRODUCT } from '../version.ts';
import { adapterExpired, adapterNotFound } from './adapter-errors.ts';
import { requestDigest } from './job-control/request-digest.ts';
import { labelRows } from './listing/label-filter.ts';
import { sourceIds } from './source-ids.ts';
import { hasTransfers, withoutSecrets } from './transfer-desk.ts';
import { addUsage } from './usage/usage.ts';

/** What is known of a job when it has ended, and no query asks for. */
export type JobOutcome = Pick<
  JobRecord,
  'progress' | 'import' | 'results' | 'deliveries' | 'timings' | 'provider' | 'error'
>;

const NO_OUTCOME: JobOutcome = {
  progress: { phase: 'waiting', done: 0, total: 0, module: null },
  import: null,
  results: [],
  deliveries: [],
  timings: null,
  provider: null,
  error: null,
};

/** What a record is made of: all but what is secret. */
export const RECORD_COLUMNS = [
  'id',
  'kind',
  'state',
  'priority',
  'labels',
  'batch',
  'retry_of',
  'ttl_seconds',
  'created_at',
  'started_at',
  'finished_at',
  'expires_at',
  'attempts',
  'request',
  'outcome',
] as const satisfies readonly (keyof JobTable)[];

type RecordRow = Pick<JobTable, (typeof RECORD_COLUMNS)[number]>;

/** A job as it ended or else as it was accepted, without secrets. */
export const jobRecord = (row: RecordRow): JobRecord => ({
  id: row.id,
  kind: row.kind as JobRecord['kind'],
  state: row.state,
  created_at: timeOf(row.created_at),
  started_at: row.started_at === null ? null : timeOf(row.started_at),
  finished_at: row.finished_at === null ? null : timeOf(row.finished_at),
  attempts: row.attempts,
  labels: JSON.parse(row.labels) as Labels,
  priority: row.priority as JobRecord['priority'],
  ttl_seconds: row.ttl_seconds,
  expires_at: row.expires_at === null ? null : timeOf(row.expires_at),
  batch_id: row.batch,
  retry_of: row.retry_of,
  request: JSON.parse(row.request) as JobRecord['request'],
  ...(row.outcome === null ? NO_OUTCOME : (JSON.parse(row.outcome) as JobOutcome)),
});

/** What `finish` writes of a job that has ended. */
export function endedColumns(job: JobRecord, defaultTtlSeconds: number | undefined) {
  const { progress, import: imported, results, deliveries, timings, provider, error } = job;
  const outcome: JobOutcome = { progress, import: imported, results, deliveries, timings, provider, error };
  const finishedAt = job.finished_at === null ? Date.now() : Date.parse(job.finished_at);
  // A job is kept for its time from its end on; those of a run as long as the run.
  const ttlSeconds = job.ttl_seconds ?? (job.kind === 'checkpoint' ? undefined : defaultTtlSeconds);
  return {
    state: job.state as JobTable['state'],
    started_at: job.started_at === null ? null : Date.parse(job.started_at),
    finished_at: finishedAt,
    expires_at: ttlSeconds === undefined ? null : finishedAt + ttlSeconds * 1000,
    attempts: job.attempts,
    outcome: JSON.stringify(outcome),
    sealed_request: null,
  };
}

/** Rows of one statement. It is the same text for most, and has fewer values than SQLite takes. */
const ROWS_AT_ONCE = 50;

/** Rows in the parts in which they are inserted. */
export function* inSlices<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let begin = 0; begin < rows.length; begin += ROWS_AT_ONCE)
    yield rows.slice(begin, begin + ROWS_AT_ONCE);
}

type RequestOf = (job: JobRecord) => string | null;

/** The digest under which a job stands for its request. What fetches or brings something is done for the effect: null. */
export const digestOf: RequestOf = ({ request }) =>
  hasTransfers(request) ? null : requestDigest(request, PRODUCT.version);

/** Inserts jobs that were accepted just now. @param requestOf under which each stands for its request, where no other does */
export async function acceptJobs(
  writer: Writer,
  tenant: string,
  jobs: readonly JobRecord[],
  requestOf: RequestOf,
): Promise<void> {
  const inserted = await insertJobs(writer, tenant, jobs, requestOf);
  await insertJobs(
    writer,
    tenant,
    jobs.filter(({ id }) => !inserted.has(id)),
  );
}

/**
 * Inserts jobs that were accepted just now, with what they are found by.
 * @param requestOf the digest under which a job stands for its request; null: it does not
 * @returns ids of those that were inserted; others are there already, or another job stands for their request
 */
export async function insertJobs(
  writer: Writer,
  tenant: string,
  jobs: readonly JobRecord[],
  requestOf: RequestOf = () => null,
): Promise<ReadonlySet<string>> {
  const inserted = new Set<string>();
  for (const some of inSlices(jobs)) {
    const rows = await writer
      .insertInto('job')
      .values(some.map((job) => rowOf(tenant, job, requestOf(job))))
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute();
    for (const { id } of rows) inserted.add(id);
  }
  const made = jobs.filter(({ id }) => inserted.has(id));
  await insertLabels(writer, tenant, made);
  const sources = made.flatMap(({ id: job, request }) =>
    sourceIds(request).map((adapter) => ({ tenant, adapter, job })),
  );
  for (const some of inSlices(sources)) await writer.insertInto('job_source').values(some).execute();
  if (made.length > 0) await addUsage(writer, tenant, { jobs: made.length });
  return inserted;
}

/**
 * For the transaction that accepts jobs: whoever removes an adapter that they read waits until it has ended, and then finds
 * them.
 * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED
 */
export async function lockSources(
  { locked, now }: Database,
  writer: Writer,
  tenant: string,
  jobs: readonly Pick<JobRecord, 'request'>[],
): Promise<void> {
  const ids = [...new Set(jobs.flatMap(({ request }) => sourceIds(request)))];
  if (ids.length === 0) return;
  const wanted = writer
    .selectFrom('adapter')
    .select(['id', 'expires_at', now.as('now')])
    .where('tenant', '=', tenant)
    .where('id', 'in', ids);
  const found = new Map((await locked(wanted.orderBy('id')).execute()).map((row) => [row.id, row]));
  for (const id of ids) {
    const row = found.get(id);
    if (!row) throw adapterNotFound(id);
    if (row.expires_at !== null && row.expires_at <= row.now) throw adapterExpired(id, row.expires_at);
  }
}

export async function insertLabels(
  writer: Writer,
  tenant: string,
  jobs: readonly Pick<JobRecord, 'id' | 'labels'>[],
): Promise<void> {
  const rows = jobs.flatMap(({ id: job, labels }) => labelRows(tenant, labels, { job }));
  for (const some of inSlices(rows)) await writer.insertInto('job_label').values(some).execute();
}

/** Notes content that a job reads or wrote beside adapters. */
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

function rowOf(tenant: string, job: JobRecord, requestSha256: string | null): JobTable {
  const { request } = job;
  return {
    id: job.id,
    tenant,
    kind: job.kind,
    state: 'queued',
    priority: job.priority,
    labels: JSON.stringify(job.labels),
    batch: job.batch_id,
    retry_of: job.retry_of,
    run: request.kind === 'checkpoint' ? request.run_id : null,
    ttl_seconds: job.ttl_seconds,
    created_at: Date.parse(job.created_at),
    started_at: null,
    finished_at: null,
    expires_at: null,
    attempts: 0,
    request_sha256: requestSha256,
    request: JSON.stringify(withoutSecrets(request)),
    sealed_request: hasTransfers(request) ? JSON.stringify(request) : null,
    outcome: null,
  };
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
