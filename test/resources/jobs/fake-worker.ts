import type { FailedResult, JobRecord, SucceededResult } from '../../../src/contract/job.ts';
import type { Delivery } from '../../../src/contract/transfer.ts';
import type { Database } from '../../../src/database/database.ts';
import type { DispatcherOptions } from '../../../src/dispatch/dispatcher.ts';
import { AppError, jobFailure } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import type {
  AdapterOutcome,
  WorkOutcome,
} from '../../../src/resources/jobs/executions/execution-outcome.ts';
import { Executions } from '../../../src/resources/jobs/executions/executions.ts';
import type { DispatchRef } from '../../../src/resources/jobs/executions/finish-execution.ts';
import type { JobChangesParts } from '../../../src/resources/jobs/executions/job-changes.ts';
import type { ExecutionTask } from '../../../src/resources/jobs/executions/task.ts';
import { JOB_COLUMNS, jobRecord } from '../../../src/resources/jobs/rows.ts';
import { JobStore } from '../../../src/resources/jobs/store.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { SAMPLE_FACTS, SAMPLE_FILES } from '../adapters/sample-adapter.ts';
import { FAKE_PROVIDER, FAKE_TIMINGS, FAKE_TOTALS, fakeResult } from './fake-result.ts';

/** Dispatches nothing: the test plays the workers. */
export const NO_DISPATCHER: JobChangesParts['dispatcher'] = {
  fill: async () => [],
  send: () => undefined,
  secondsUntilStart: async () => undefined,
};

/** A queue that must not be used. */
export const NO_QUEUE: DispatcherOptions['queue'] = { add: async () => undefined, missing: async () => [] };

/** The outcome of the work of a job. */
export interface FakeOutcome {
  /** Its targets, each with its result; default: one of rank 2. */
  readonly results?: readonly (Partial<SucceededResult> | FailedResult)[];
  /** The adapters that are created, by target; null: the source is the result. Default: null for each. */
  readonly adapters?: readonly (AdapterOutcome | null)[];
  readonly files?: WorkOutcome['files'];
}

export const SAMPLE_OUTCOME: AdapterOutcome = { description: SAMPLE_FACTS, files: SAMPLE_FILES };

/** A target that failed. */
export const FAILED_RESULT: FailedResult = {
  target: { rank: 1 },
  state: 'failed',
  error: jobFailure(new AppError('BUDGET_TOO_SMALL', 'It is.')),
};

export function fakeWorkOutcome({
  results = [{}],
  adapters = [],
  files = [],
}: FakeOutcome = {}): WorkOutcome {
  return {
    step: 'work',
    targets: results.map((result, index) => ({
      result: isFailed(result) ? result : fakeResult(withoutId(result)),
      adapter: adapters[index] ?? null,
    })),
    files,
    modules: FAKE_TOTALS.modules,
    timings: FAKE_TIMINGS,
    provider: FAKE_PROVIDER,
  };
}

const isFailed = (result: Partial<SucceededResult> | FailedResult): result is FailedResult =>
  result.state === 'failed';

/** An id that the service generates. */
const withoutId = ({ adapter_id: _own, ...result }: Partial<SucceededResult>) => result;

/** Does what workers do to jobs, except for the work itself. */
export class FakeWorker {
  readonly executions: Executions;
  private readonly database: Database;
  private readonly parts: JobChangesParts;
  /** By their ids in the queue. */
  private readonly tasks = new Map<string, ExecutionTask>();

  constructor(parts: Partial<JobChangesParts> & { database: Database; store?: BlobStore }) {
    this.database = parts.database;
    this.parts = { dispatcher: NO_DISPATCHER, ...parts };
    const store = parts.store ?? ({} as BlobStore);
    this.executions = new Executions({ ...this.parts, store, storageRetryMs: 600_000 });
  }

  /** Begins the execution for which a job waits, whatever the order. */
  async begin(jobId: string): Promise<ExecutionTask> {
    const task = await this.executions.beginAttempt(await this.dispatch(jobId));
    if (task) {
      this.tasks.set(`${task.execution}-${task.dispatchNo}`, task);
      return task;
    }
    throw new Error(`there is nothing to do for ${jobId}`);
  }

  /** Makes the execution of a job succeed, with everything else that the job requires. */
  async succeed(jobId: string, work: FakeOutcome = {}): Promise<JobRecord> {
    const task = await this.begun(jobId);
    await this.executions.finish(task, fakeWorkOutcome(work), FAKE_TOTALS);
    return this.job(jobId);
  }

  /** Makes the deliveries of a job succeed or fail, one by one. */
  async deliver(jobId: string, outcomes: readonly (Delivery | ErrorCode)[]): Promise<JobRecord> {
    const task = await this.begun(jobId);
    const delivered = outcomes.map((outcome, index) => ({
      index,
      outcome:
        typeof outcome === 'string'
          ? { code: outcome, title: 'It failed', detail: 'It failed.', retryable: false }
          : outcome,
    }));
    await this.executions.finish(task, { step: 'deliver', delivered, again: null }, FAKE_TOTALS);
    return this.job(jobId);
  }

  /** Makes the execution of a job fail permanently. */
  async fail(
    jobId: string,
    code: ErrorCode = 'NON_FINITE_WEIGHTS',
    detail = 'It failed.',
  ): Promise<JobRecord> {
    const task = await this.begun(jobId);
    await this.executions.abandon(task);
    await this.executions.fail(task, new AppError(code, detail), { tryMs: 1, mayPass: false });
    return this.job(jobId);
  }

  /** Ends a job with the given outcome. */
  async end(
    jobId: string,
    state: 'succeeded' | 'partial' | 'failed' | 'cancelled' = 'succeeded',
  ): Promise<JobRecord> {
    if (state === 'partial') return this.succeed(jobId, { results: [{}, FAILED_RESULT] });
    if (state === 'succeeded') return this.succeed(jobId);
    if (state === 'failed') return this.fail(jobId);
    const { tenant } = await this.database.reader
      .selectFrom('job')
      .select('tenant')
      .where('id', '=', jobId)
      .executeTakeFirstOrThrow();
    await new JobStore(this.parts, tenant).cancelAll([jobId]);
    return this.job(jobId);
  }

  /** The current state of a job of any tenant. */
  async job(jobId: string): Promise<JobRecord> {
    const query = this.database.reader.selectFrom('job').select(JOB_COLUMNS).where('id', '=', jobId);
    return jobRecord(await query.executeTakeFirstOrThrow());
  }

  /** The execution of a job that is running, or is begun now. */
  private async begun(jobId: string): Promise<ExecutionTask> {
    const { execution, dispatchNo } = await this.dispatch(jobId);
    const known = this.tasks.get(`${execution}-${dispatchNo}`);
    return known ?? this.begin(jobId);
  }

  private async dispatch(jobId: string): Promise<DispatchRef> {
    return this.database.write(async (writer) => {
      const { execution } = await writer
        .selectFrom('job')
        .select('execution')
        .where('id', '=', jobId)
        .executeTakeFirstOrThrow();
      await writer
        .updateTable('execution')
        .set(({ eb }) => ({ state: 'dispatched', dispatch_no: eb('dispatch_no', '+', 1), not_before: null }))
        .where('id', '=', execution)
        .where('state', '=', 'waiting')
        .execute();
      const { dispatch_no: dispatchNo } = await writer
        .selectFrom('execution')
        .select('dispatch_no')
        .where('id', '=', execution)
        .executeTakeFirstOrThrow();
      return { execution, dispatchNo };
    });
  }
}
