import type { JobRecord, Progress } from '../../../contract/job.ts';
import type { ExecutionTable } from '../../../database/job-tables.ts';
import { sql } from '../../../database/sql.ts';
import { type AppError, jobFailure } from '../../../errors/app-error.ts';
import type { BlobStore } from '../../../storage/blob-store.ts';
import type { ConnectionAccess } from '../../../transfer/connection-access.ts';
import { AdapterService } from '../../adapters/service.ts';
import { ConnectionStore } from '../../connections/store.ts';
import { beginWrite, Contents } from '../../contents/contents.ts';
import { requestedDeliveries, sourceIds } from '../adapters-of-request.ts';
import { cancelledJob } from '../job-end.ts';
import { withoutResults } from '../result-settings.ts';
import { JOB_COLUMNS, jobRecord } from '../rows.ts';
import { JobStore } from '../store.ts';
import { withoutSecrets } from '../transfer-requests.ts';
import type { ExecutionOutcome, ExecutionTotals } from './execution-outcome.ts';
import { cancelUnneededExecutions } from './execution-rows.ts';
import type { AttemptRef, DispatchRef } from './finish-execution.ts';
import { failExecution, finishExecution, waitingJobs } from './finish-execution.ts';
import { endedDispatchColumns, JobChanges, type JobChangesParts } from './job-changes.ts';
import { planStorageRetry, withRetryDetails } from './storage-retry.ts';
import type { DeliveryInput, ExecutionInput, ExecutionTask, TaskReport, TaskSource } from './task.ts';

/** One attempt and two more, for temporary problems: storage, memory, a crash. Permanent errors are not retried. */
const MAX_ATTEMPTS = 3;
const FIRST_RETRY_MS = 1_000;

export interface ExecutionsParts extends JobChangesParts {
  readonly store: BlobStore;
  /** How long an execution that fails because of the storage is retried without counting the attempts. */
  readonly storageRetryMs: number;
}

/** The outcome of a failed attempt. */
export interface FailedAttempt {
  /** `over`: the execution had already ended, or no job waits for it. */
  readonly next: 'retry' | 'postponed' | 'failed' | 'over';
  /** The tenant of the execution; undefined if it is over. */
  readonly tenant?: string;
  readonly delayMs: number;
  /** The jobs that ended with this failure. */
  readonly ended: readonly JobRecord[];
}

/** How an attempt failed. */
export interface AttemptFailure {
  /** The duration of the attempt. */
  readonly tryMs: number;
  /** Whether another attempt may have another outcome. */
  readonly mayPass: boolean;
  /** The progress that the attempt had made; undefined if it is not known. */
  readonly progress?: Progress | undefined;
}

interface Waiting {
  readonly delayMs: number;
  /** The columns to write for an attempt that does not count. */
  readonly uncounted?: Partial<ExecutionTable>;
  /** The state that the execution must have; "succeeded" if this transaction has just finished it and it is needed again. */
  readonly from?: 'dispatched' | 'succeeded';
}

const OVER: FailedAttempt = { next: 'over', delayMs: 0, ended: [] };

/**
 * The executions of all tenants, as workers take and end them. The outcome of an attempt counts only
 * while the execution has no later dispatch. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class Executions {
  private readonly parts: ExecutionsParts;

  constructor(parts: ExecutionsParts) {
    this.parts = parts;
  }

  /**
   * Begins an attempt.
   * @returns the work to do; undefined if there is none, because the execution is over or all jobs waiting for it
   *   were cancelled
   * @throws AppError ADAPTER_NOT_FOUND, STORAGE_*
   */
  async beginAttempt(dispatch: DispatchRef): Promise<ExecutionTask | undefined> {
    const { database } = this.parts;
    const known = await this.row(dispatch);
    if (!known) return undefined;
    const { tenant } = known;
    const started = await JobChanges.write(this.parts, tenant, async (changes) => {
      const { writer } = changes;
      const row = await writer
        .updateTable('execution')
        .set(({ eb }) => ({
          attempts: eb('attempts', '+', 1),
          started_at: database.now,
          seen_at: database.now,
        }))
        .where('id', '=', dispatch.execution)
        .where('dispatch_no', '=', dispatch.dispatchNo)
        .where('state', '=', 'dispatched')
        .returning(['step', 'attempts', 'work_bytes'])
        .executeTakeFirst();
      if (!row) return undefined;
      const jobs = await this.markStarted(changes, dispatch.execution, row);
      const [job] = jobs;
      if (!job) return undefined;
      changes.leavesQueue = changes.ended.length === 0;
      return { row, job, ids: jobs.map(({ id }) => id), writeId: await beginWrite(database, writer) };
    });
    if (!started) return undefined;
    const { row, job, ids: jobs, writeId } = started;
    const { attempts: attempt, work_bytes: workBytes } = row;
    return {
      ...dispatch,
      ...{ tenant, attempt, isLast: attempt >= MAX_ATTEMPTS, jobs, writeId, workBytes, kind: job.kind },
      input: await this.inputOf(tenant, row.step, job),
    };
  }

  /**
   * Records the outcome of an execution.
   * @returns the jobs that ended with it; undefined if the execution was already over and nothing was recorded
   * @throws AppError STORAGE_*
   */
  async finish(
    task: ExecutionTask,
    outcome: ExecutionOutcome,
    totals: ExecutionTotals,
  ): Promise<readonly JobRecord[] | undefined> {
    const { tenant, writeId, execution, dispatchNo } = task;
    const again = outcome.step === 'deliver' ? outcome.again : null;
    const ended = await JobChanges.write(this.parts, tenant, async (changes) => {
      changes.totals = totals;
      if (!(await finishExecution(changes, task, outcome, writeId))) return undefined;
      const delayMs = retryDelayMs(task.attempt);
      if (again) await this.wait(changes, { execution, dispatchNo }, { delayMs, from: 'succeeded' });
      return changes.ended;
    });
    if (!ended) await this.abandon(task);
    return ended;
  }

  /**
   * Records that an attempt failed: either it is retried later, or its jobs fail.
   * @param dispatch if it is a task, only as long as no other attempt at the same dispatch has begun
   */
  async fail(
    dispatch: AttemptRef,
    error: AppError,
    { tryMs, mayPass, progress }: AttemptFailure,
  ): Promise<FailedAttempt> {
    const row = await this.row(dispatch);
    if (!row) return OVER;
    const trouble = { times: row.storage_failures, spentMs: row.storage_trouble_ms };
    const later = planStorageRetry(error, trouble, tryMs, this.parts.storageRetryMs);
    const { tenant } = row;
    return JobChanges.write(this.parts, tenant, async (changes): Promise<FailedAttempt> => {
      if (later) {
        const { times, spentMs } = later.trouble;
        const retryColumns = { storage_failures: times, storage_trouble_ms: spentMs };
        const { delayMs } = later;
        const isWaiting = await this.wait(changes, dispatch, { delayMs, uncounted: retryColumns });
        return isWaiting ? { next: 'postponed', tenant, delayMs, ended: [] } : OVER;
      }
      if (mayPass && row.attempts < MAX_ATTEMPTS) {
        const delayMs = retryDelayMs(row.attempts);
        return (await this.wait(changes, dispatch, { delayMs }))
          ? { next: 'retry', tenant, delayMs, ended: [] }
          : OVER;
      }
      const failure = jobFailure(withRetryDetails(error, trouble));
      if (!(await failExecution(changes, dispatch, failure, progress))) return OVER;
      return { next: 'failed', tenant, delayMs: 0, ended: changes.ended };
    });
  }

  /**
   * Lets a stopped attempt start over immediately, here or elsewhere, without counting it.
   * @param dispatch as for `fail`
   */
  async giveBack(dispatch: AttemptRef): Promise<void> {
    const row = await this.row(dispatch);
    if (!row) return;
    await JobChanges.write(this.parts, row.tenant, (changes) =>
      this.wait(changes, dispatch, { delayMs: 0, uncounted: {} }),
    );
  }

  /** Abandons what an attempt has written. */
  abandon({ writeId }: Pick<ExecutionTask, 'writeId'>): Promise<void> {
    return new Contents(this.parts.database, this.parts.store).abandon(writeId);
  }

  /** The dispatches that must stop, because they are over or have been replaced. */
  async obsoleteDispatches(dispatches: readonly DispatchRef[]): Promise<DispatchRef[]> {
    const rows = await this.parts.database.reader
      .selectFrom('execution')
      .select(['id', 'dispatch_no'])
      .where(
        'id',
        'in',
        dispatches.map(({ execution }) => execution),
      )
      .where('state', '=', 'dispatched')
      .execute();
    const current = new Map(rows.map(({ id, dispatch_no }) => [id, dispatch_no]));
    return dispatches.filter(({ execution, dispatchNo }) => current.get(execution) !== dispatchNo);
  }

  /** Marks the jobs that wait for an execution as active; those whose batch was cancelled end instead. */
  private async markStarted(
    changes: JobChanges,
    execution: string,
    { step, attempts }: Pick<ExecutionTable, 'step' | 'attempts'>,
  ): Promise<JobRecord[]> {
    const { writer, database } = changes;
    const jobs = await waitingJobs(changes, execution, step);
    const batches = [...new Set(jobs.flatMap(({ batch_id }) => batch_id ?? []))];
    const calledOff =
      batches.length === 0
        ? []
        : await writer
            .selectFrom('batch')
            .select('id')
            .where('id', 'in', batches)
            .where('cancelled_at', 'is not', null)
            .execute();
    const isCalledOff = new Set(calledOff.map(({ id }) => id));
    const left: JobRecord[] = [];
    for (const job of jobs)
      if (job.finished_at === null && job.batch_id !== null && isCalledOff.has(job.batch_id))
        await changes.end(cancelledJob(job));
      else left.push(job);
    if (left.length === 0) await cancelUnneededExecutions(changes, [execution]);
    // A later step of a job does not count as another attempt.
    const counted = sql<number>`case when attempts = 0 or ${sql.lit(attempts)} > 1 then attempts + 1 else attempts end`;
    const begun = await writer
      .updateTable('job')
      .set(({ fn, ref }) => ({
        state: 'active' as const,
        started_at: fn.coalesce(ref('started_at'), database.now),
        attempts: counted,
      }))
      .where('execution', '=', execution)
      .where('finished_at', 'is', null)
      .returning(JOB_COLUMNS)
      .execute();
    // Jobs that were already active continue with a later step.
    const wereQueued = new Set(left.filter(({ state }) => state === 'queued').map(({ id }) => id));
    const activated = begun.filter(({ id }) => wereQueued.has(id));
    noteAll(changes, activated);
    changes.started.push(...activated.filter((row) => row.attempts === 1).map(jobRecord));
    return left;
  }

  private async wait(
    changes: JobChanges,
    { execution, dispatchNo, attempt }: AttemptRef,
    { delayMs, uncounted, from = 'dispatched' }: Waiting,
  ): Promise<boolean> {
    const { writer, database } = changes;
    const found = writer
      .selectFrom('execution')
      .select(['attempts', 'started_at', ...endedDispatchColumns(database)])
      .where('id', '=', execution)
      .where('dispatch_no', '=', dispatchNo)
      .where('state', '=', from)
      .$if(attempt !== undefined, (query) => query.where('attempts', '=', attempt!));
    const row = await database.locked(found).executeTakeFirst();
    if (!row) return false;
    // The tenant does not pay for an attempt that does not count.
    if (from === 'dispatched') changes.noteDispatchEnd(row, { isFree: uncounted !== undefined });
    const isTakenBack = uncounted !== undefined && row.started_at !== null;
    await writer
      .updateTable('execution')
      .set({
        ...uncounted,
        ...(isTakenBack && { attempts: row.attempts - 1 }),
        ...{ state: 'waiting', finished_at: null, dispatched_at: null, started_at: null, seen_at: null },
        not_before: delayMs === 0 ? null : database.after(Math.ceil(delayMs)),
      })
      .where('id', '=', execution)
      .execute();
    // A job that has its results only has deliveries left.
    const waiting = await writer
      .updateTable('job')
      .set(({ eb }) => ({
        ...(row.step !== 'deliver' && { state: 'queued' as const }),
        // The first attempt at a step was not counted separately; see `begun`.
        attempts: isTakenBack && row.attempts > 1 ? eb('attempts', '-', 1) : eb.ref('attempts'),
      }))
      .where('execution', '=', execution)
      .where('finished_at', 'is', null)
      .returning(JOB_COLUMNS)
      .execute();
    if (row.step !== 'deliver' && row.started_at !== null) noteAll(changes, waiting);
    return true;
  }

  private async inputOf(
    tenant: string,
    step: ExecutionInput['step'],
    job: JobRecord,
  ): Promise<ExecutionInput> {
    const { request } = job;
    if (step === 'fetch') {
      const source = 'source' in request ? request.source! : unexpected(job);
      return { step, source, access: (await this.accesses(tenant, [source])).get(source.connection) ?? null };
    }
    if (step === 'deliver') {
      const wanted = requestedDeliveries(request);
      const deliveries: DeliveryInput['deliveries'][number][] = [];
      const accesses = await this.accesses(
        tenant,
        wanted.map(({ to }) => to),
      );
      for (const [index, { state, adapter_id }] of job.deliveries.entries()) {
        if (state !== 'pending') continue;
        const { to, include } = wanted[index]!;
        deliveries.push({
          ...{ index, to, include, access: accesses.get(to.connection) ?? null },
          adapter: await this.source(tenant, adapter_id!),
          report: include.includes('report') ? await this.report(tenant, job, adapter_id!) : null,
        });
      }
      return { step, deliveries };
    }
    const id = job.imported?.adapter_id;
    const known = id === undefined ? request : ({ ...request, adapter_id: id } as typeof request);
    const sources: TaskSource[] = [];
    for (const id of sourceIds(known)) sources.push(await this.source(tenant, id));
    const jobs = new JobStore(this.parts, tenant);
    const optimizer = request.kind === 'checkpoint' ? await jobs.file(job.id, 'optimizer') : undefined;
    return { step, request: withoutResults(known), sources, optimizer: optimizer ?? null };
  }

  /** The current connections that sources and sinks name. */
  private async accesses(
    tenant: string,
    ends: readonly { readonly connection?: string | undefined }[],
  ): Promise<ReadonlyMap<string | undefined, ConnectionAccess>> {
    const names = [...new Set(ends.flatMap(({ connection }) => connection ?? []))];
    const found = await new ConnectionStore(this.parts.database, tenant).accesses(names);
    return new Map(found.map((access) => [access.name, access]));
  }

  /** The report of the job that created an adapter; null if there is none. */
  private async report(tenant: string, job: JobRecord, adapterId: string): Promise<TaskReport | null> {
    const { database, store } = this.parts;
    const jobs = new JobStore(this.parts, tenant);
    let maker: JobRecord | undefined = job;
    if (job.kind === 'export') {
      const adapters = new AdapterService(database, store, tenant);
      const { record } = await adapters.stored(adapterId, { evenExpired: true });
      maker = record.job_id === null ? undefined : await jobs.get(record.job_id);
    }
    const file = maker && (await jobs.file(maker.id, 'report'));
    if (!maker || !file) return null;
    const { id, imported, results, timings } = maker;
    return { file, job: { id, imported, results, timings, request: withoutSecrets(maker.request) } };
  }

  /** @throws AppError ADAPTER_NOT_FOUND */
  private async source(tenant: string, id: string): Promise<TaskSource> {
    const { database, store } = this.parts;
    const { record, files } = await new AdapterService(database, store, tenant).stored(id, {
      evenExpired: true,
    });
    const { sha256, base_model, license } = record;
    return { id, sha256, base_model, ...(license !== undefined && { license }), files };
  }

  /** The execution of a dispatch that is not over. */
  private row({ execution, dispatchNo }: DispatchRef) {
    return this.parts.database.reader
      .selectFrom('execution')
      .select(['tenant', 'attempts', 'storage_failures', 'storage_trouble_ms'])
      .where('id', '=', execution)
      .where('dispatch_no', '=', dispatchNo)
      .where('state', '=', 'dispatched')
      .executeTakeFirst();
  }
}

/** Notes the events that jobs have just reached their current states. */
function noteAll(changes: JobChanges, rows: readonly Parameters<typeof jobRecord>[0][]): void {
  const nowMs = Date.now();
  const inOrder = [...rows].sort((one, other) => (one.id < other.id ? -1 : 1));
  for (const row of inOrder) changes.note(jobRecord(row), nowMs);
}

/** The delay doubles with each attempt, less a random part of up to a half, which spreads simultaneous failures. */
const retryDelayMs = (attempt: number): number =>
  FIRST_RETRY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);

function unexpected({ id }: JobRecord): never {
  throw new TypeError(`Job ${id} has no source to be fetched`);
}
