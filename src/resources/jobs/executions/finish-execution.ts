import type { JobRecord, Progress } from '../../../contract/job.ts';
import type { JobFailure } from '../../../contract/job-failure.ts';
import type { DeliveredAdapter } from '../../../contract/transfer-job.ts';
import { newAdapterId } from '../../../database/ids.ts';
import type { ExecutionTable } from '../../../database/job-tables.ts';
import { sql } from '../../../database/sql.ts';
import { nameOfBase } from '../../adapters/default-name.ts';
import { registerContents } from '../../contents/contents.ts';
import { endOfTargets } from '../job-end.ts';
import { resultSettings } from '../result-settings.ts';
import { JOB_COLUMNS, jobRecord, outcomeColumn, withEncrypted } from '../rows.ts';
import { continueWithWork } from './accept-jobs.ts';
import {
  type DeliveryOutcome,
  type ExecutionOutcome,
  type FetchOutcome,
  mayDiffer,
  serializeOutcome,
  writtenFiles,
} from './execution-outcome.ts';
import { removeUnused } from './execution-rows.ts';
import { endedDispatchColumns, type JobChanges } from './job-changes.ts';
import { completedProgress, endJob, recordWork } from './record-work.ts';

/** A dispatch of an execution that has not ended. Outcomes of an older dispatch no longer count. */
export interface DispatchRef {
  readonly execution: string;
  readonly dispatchNo: number;
}

/**
 * An attempt. A worker that was presumed dead may continue while another one has started the same dispatch again: the
 * first outcome counts, but only the last attempt may fail it.
 */
export interface AttemptRef extends DispatchRef {
  /** undefined if the attempt did not begin. */
  readonly attempt?: number | undefined;
}

/**
 * Records the outcome of an execution, for every job that waits for it.
 * @param writeId id of the write that stored the bytes
 * @returns false if it had already ended, and its earlier outcome stays
 * @throws AppError STORAGE_FAILED if the written bytes have been removed by now
 */
export async function finishExecution(
  changes: JobChanges,
  { execution: id, dispatchNo }: DispatchRef,
  outcome: ExecutionOutcome,
  writeId: string,
): Promise<boolean> {
  const { writer, database } = changes;
  const row = await writer
    .updateTable('execution')
    .set({
      state: 'succeeded',
      finished_at: Date.now(),
      ...(outcome.step === 'work' &&
        (mayDiffer(outcome)
          ? { key: null }
          : {
              outcome: sql<
                string | null
              >`case when key is null then null else ${serializeOutcome(outcome)} end`,
            })),
    })
    .where('id', '=', id)
    .where('dispatch_no', '=', dispatchNo)
    .where('state', '=', 'dispatched')
    .returning(['id', 'origin', ...endedDispatchColumns(database)])
    .executeTakeFirst();
  if (!row) return false;
  changes.noteDispatchEnd(row);
  // The steps that follow are done on behalf of the same request as this one.
  changes.origin = row.origin;
  const contents = await registerContents(writer, { writeId, files: writtenFiles(outcome) });
  for (const job of await waitingJobs(changes, id, row.step)) {
    if (outcome.step === 'work') await recordWork(changes, job, outcome, contents);
    else if (outcome.step === 'fetch') await recordFetched(changes, job, outcome, contents);
    else await recordDelivered(changes, job, outcome);
  }
  // The job now waits for another execution.
  if (outcome.step === 'fetch') await removeUnused(writer, [id]);
  return true;
}

/**
 * Records that an execution failed permanently. A job that has its results still succeeded, and its deliveries
 * failed.
 * @returns false if the execution was already over
 */
export async function failExecution(
  changes: JobChanges,
  { execution: id, dispatchNo, attempt }: AttemptRef,
  error: JobFailure,
  progress: Progress | undefined,
): Promise<boolean> {
  const row = await changes.writer
    .updateTable('execution')
    .set({ state: 'failed', finished_at: Date.now(), key: null })
    .where('id', '=', id)
    .where('dispatch_no', '=', dispatchNo)
    .where('state', '=', 'dispatched')
    .$if(attempt !== undefined, (query) => query.where('attempts', '=', attempt!))
    .returning(['id', ...endedDispatchColumns(changes.database)])
    .executeTakeFirst();
  if (!row) return false;
  changes.noteDispatchEnd(row);
  for (const job of await waitingJobs(changes, id, row.step)) {
    if (row.step === 'deliver') {
      const pending = [...job.deliveries.entries()].filter(([, { state }]) => state === 'pending');
      await recordDelivered(changes, job, {
        delivered: pending.map(([index]) => ({ index, outcome: error })),
      });
    } else await endJob(changes, { ...job, state: 'failed', progress: progress ?? job.progress, error });
  }
  return true;
}

/** The jobs that wait for an execution; deliveries may be those of a job that has ended. */
export async function waitingJobs(
  { writer, database }: Pick<JobChanges, 'writer' | 'database'>,
  execution: string,
  step: ExecutionTable['step'],
): Promise<JobRecord[]> {
  const jobs = writer
    .selectFrom('job')
    .select([...JOB_COLUMNS, 'encrypted_request'])
    .where('execution', '=', execution)
    .$if(step !== 'deliver', (query) => query.where('finished_at', 'is', null))
    .orderBy('id');
  const rows = await database.locked(jobs).execute();
  return rows.map((row) => withEncrypted(jobRecord(row), row.encrypted_request));
}

async function recordFetched(
  changes: JobChanges,
  job: JobRecord,
  { name, adapter, imported }: FetchOutcome,
  contents: ReadonlyMap<string, string>,
): Promise<void> {
  const { writer, tenant, adapterTtlSeconds: defaultTtlSeconds } = changes;
  const { description } = adapter;
  const id = newAdapterId(Date.now());
  const sourceNames = [name ?? nameOfBase(description.base_model)];
  const settings = resultSettings(job.request, null, {
    sourceNames,
    rank: description.ranks,
    defaultTtlSeconds,
  });
  await changes.addAdapters([{ id, description, ...settings, parentId: null, jobId: job.id }], contents);
  const fetched: JobRecord = { ...job, imported: { adapter_id: id, ...imported } };
  if (job.kind === 'import') {
    await endJob(changes, { ...fetched, state: 'succeeded', progress: completedProgress(0) });
    return;
  }
  // Records that the job reads the adapter, so that it cannot be removed before.
  await writer
    .insertInto('job_source')
    .values({ tenant, adapter: id, job: job.id, finished_at: null })
    .execute();
  const { reuse } = await writer
    .updateTable('job')
    .set({ outcome: outcomeColumn(fetched) })
    .where('id', '=', job.id)
    .returning('reuse')
    .executeTakeFirstOrThrow();
  const { digest, bytes, license } = description;
  const wanted = { job: fetched, reuse: reuse === 1 };
  await continueWithWork(changes, wanted, new Map([[id, { digest, bytes, license }]]));
}

async function recordDelivered(
  changes: JobChanges,
  job: JobRecord,
  { delivered }: Pick<DeliveryOutcome, 'delivered'>,
): Promise<void> {
  const outcomes = new Map(delivered.map(({ index, outcome }) => [index, outcome]));
  const deliveries = job.deliveries.map((delivery, index): DeliveredAdapter => {
    const outcome = outcomes.get(index);
    if (!outcome) return delivery;
    if ('code' in outcome)
      return { ...delivery, state: 'failed', error: outcome, finished_at: new Date().toISOString() };
    return { ...delivery, ...outcome, state: 'succeeded', error: null };
  });
  const withDeliveries = { ...job, deliveries };
  const isOver = deliveries.every(({ state }) => state !== 'pending');
  if (job.finished_at !== null || !isOver) {
    const isSent = isOver && deliveries.every(({ state }) => state === 'succeeded');
    await changes.writer
      .updateTable('job')
      .set({ outcome: outcomeColumn(withDeliveries), ...(isSent && { encrypted_request: null }) })
      .where('id', '=', job.id)
      .execute();
    return;
  }
  // An export consists of its delivery only.
  const failure = job.kind === 'export' ? deliveries[0]!.error : null;
  await endJob(changes, {
    ...withDeliveries,
    progress: job.kind === 'export' ? completedProgress(0) : job.progress,
    ...(failure ? { state: 'failed', error: failure } : endOfTargets(job.results)),
  });
}
