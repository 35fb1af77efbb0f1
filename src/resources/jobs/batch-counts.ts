import type { BatchRecord, BatchState } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { BatchMemberTable, BatchTable } from '../../database/job-tables.ts';
import { type Condition, sql } from '../../database/sql.ts';

/** The final states of items, which are also the columns that count them. */
const ENDS = ['succeeded', 'partial', 'failed', 'cancelled'] as const;

/** The columns of a summary. */
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

/** A batch. @param active how many of its jobs are running; items that have not ended and are not running are queued */
export function batchSummary(row: SummaryRow, active = 0): BatchRecord {
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

/**
 * Counts the end of a job in its batch, once, in the transaction that ends the job. Jobs that end at the same time
 * wait for each other here, so exactly one of them is the last.
 * @returns the batch if the job was the last one; it has ended now
 */
export async function endInBatch(writer: Writer, job: JobRecord): Promise<BatchRecord | undefined> {
  const { batch_id: id, state } = job;
  if (id === null || state === 'queued' || state === 'active') return undefined;
  const counted = await count(writer, id, state);
  if (!counted) return undefined;
  await writer
    .updateTable('batch_member')
    .set({ ...endOf(job), ended_no: endedJobs(counted) })
    .where('batch', '=', id)
    .where('job', '=', job.id)
    .execute();
  return endIfLast(writer, id, counted);
}

/** An item of a batch whose job can no longer be created. */
export interface LostItem {
  readonly batch: string;
  readonly position: number;
  readonly failure: ItemFailure;
}

/** Counts an item as failed whose job could not be created. */
export async function failInBatch(
  writer: Writer,
  { batch, position, failure }: LostItem,
): Promise<BatchRecord | undefined> {
  const counted = await count(writer, batch, 'failed');
  if (!counted) return undefined;
  await writer
    .updateTable('batch_member')
    .set({ ...failedColumns(failure), ended_no: endedJobs(counted), job: null, encrypted: null })
    .where('batch', '=', batch)
    .where('position', '=', position)
    .execute();
  return endIfLast(writer, batch, counted);
}

/** The error of a failed item. */
export interface ItemFailure {
  readonly code: string;
  readonly detail: string;
}

/** The columns of an item that could not be tried. */
export const failedColumns = ({ code, detail }: ItemFailure) => ({
  state: 'failed' as const,
  finished_at: Date.now(),
  error_code: code,
  error_detail: JSON.stringify(detail),
});

type Counted = Pick<BatchTable, 'jobs' | (typeof ENDS)[number] | 'created_at' | 'ttl_seconds'>;

const count = (writer: Writer, batch: string, state: (typeof ENDS)[number]): Promise<Counted | undefined> =>
  writer
    .updateTable('batch')
    .set((eb) => ({ [state]: eb(state, '+', 1) }))
    .where('id', '=', batch)
    .returning(['jobs', ...ENDS, 'created_at', 'ttl_seconds'])
    .executeTakeFirst();

async function endIfLast(writer: Writer, id: string, counted: Counted): Promise<BatchRecord | undefined> {
  return endedJobs(counted) < counted.jobs ? undefined : endBatch(writer, id, counted);
}

/** Ends a batch whose items have all ended. */
export async function endBatch(
  writer: Writer,
  id: string,
  { created_at, ttl_seconds }: Pick<BatchTable, 'created_at' | 'ttl_seconds'>,
): Promise<BatchRecord> {
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

/** Batches of all tenants whose jobs have not all been created, or that were cancelled and have unfinished jobs. */
export const unfinishedBatches = ({ reader }: Pick<Database, 'reader'>) =>
  reader
    .selectFrom('batch')
    .select(['id', 'tenant'])
    .where('finished_at', 'is', null)
    .where('accepted_at', 'is not', null)
    .where(({ or, eb }) => or([eb('opened_at', 'is', null), eb('cancelled_at', 'is not', null)]))
    .orderBy('id')
    .execute();

/**
 * The columns of a batch that has ended. @param ttlSeconds how long it is kept from then on; null: until it is
 * deleted
 */
const batchEndColumns = (finishedAtMs: number, ttlSeconds: number | null) => ({
  finished_at: finishedAtMs,
  expires_at: ttlSeconds === null ? null : finishedAtMs + ttlSeconds * 1000,
});

const endOf = ({ state, finished_at, error, results }: JobRecord) => ({
  state: state as BatchMemberTable['state'],
  finished_at: finished_at === null ? null : Date.parse(finished_at),
  ...errorColumns(errorOf({ state, error, results })),
  results: JSON.stringify(results.flatMap((one) => (one.state === 'succeeded' ? one.adapter_id : []))),
});

const errorColumns = (error: ItemFailure | null | undefined) => ({
  error_code: error?.code ?? null,
  error_detail: error ? JSON.stringify(error.detail) : null,
});

/** The error of a job; for a partial one, that of its first failed target. */
const errorOf = ({ state, error, results }: Pick<JobRecord, 'state' | 'error' | 'results'>) =>
  state === 'partial'
    ? results.find((one) => one.state === 'failed')?.error
    : state === 'failed'
      ? error
      : undefined;

/** The number of a batch's items that have ended. */
export const endedJobs = ({
  succeeded,
  partial,
  failed,
  cancelled,
}: Pick<BatchTable, (typeof ENDS)[number]>): number => succeeded + partial + failed + cancelled;

/** The condition for a state in a query, in the same form as in the index batch_state. */
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
