import type { BatchRecord } from '../../../contract/batch.ts';
import type { JobRecord } from '../../../contract/job.ts';
import type { Database, Writer } from '../../../database/database.ts';
import type { ExecutionTable } from '../../../database/job-tables.ts';
import { sql } from '../../../database/sql.ts';
import type { Dispatcher } from '../../../dispatch/dispatcher.ts';
import type { Dispatch } from '../../../dispatch/job-queue.ts';
import type { EndedDispatch } from '../../../dispatch/tenant-shares.ts';
import type { EndedJob } from '../../../metrics/job-times.ts';
import { insertAdapters, type NewAdapter, usageOfNew } from '../../adapters/rows.ts';
import { insertEvents } from '../../events/event-rows.ts';
import { batchEvent, jobEvent, type OutgoingEvent } from '../../events/outgoing-event.ts';
import { addUsage } from '../../tenants/usage.ts';
import type { DeliveryQueue, DeliveryTicket } from '../../webhooks/delivery-queue.ts';
import { Outbox } from '../../webhooks/outbox.ts';
import { endInBatch } from '../batch-counts.ts';
import { JOB_COLUMNS, jobEndColumns, jobRecord } from '../rows.ts';
import type { ExecutionTotals } from './execution-outcome.ts';

/** Observers of changes, for metrics; nothing depends on them. */
export interface JobObserver {
  /** Called when a job was accepted whose work was already done or under way. */
  readonly onReused?: (job: JobRecord) => void;
  /** Called when a client cancelled a job. */
  readonly onCancelled?: (job: JobRecord) => void;
  /** Called when a job begins that was queued. */
  readonly onJobBegun?: (job: JobRecord, tenant: string) => void;
  /** Called once for each job that ended. @param totals what was moved, if the work was done for this job first */
  readonly onJobEnded?: (ended: EndedJob, totals: ExecutionTotals | undefined) => void;
  /** Called once for each batch, when its last job has ended. */
  readonly onBatchFinished?: (batch: BatchRecord) => void;
  /**
   * Called for usage that is counted for a tenant: bytes of new adapters, and the time for which its work held a
   * slot.
   */
  readonly onUsed?: (tenant: string, use: { readonly bytes: number; readonly computeMs: number }) => void;
}

export interface JobChangesParts {
  readonly database: Database;
  readonly dispatcher: Pick<Dispatcher, 'fill' | 'send' | 'secondsUntilStart'>;
  /** The queue of deliveries to webhooks; undefined if other processes queue them. */
  readonly deliveries?: DeliveryQueue | undefined;
  /**
   * How long jobs (after they end) and adapters are kept unless a request specifies it; undefined: they do not
   * expire.
   */
  readonly jobTtlSeconds?: number | undefined;
  readonly adapterTtlSeconds?: number | undefined;
  readonly observer?: JobObserver | undefined;
  /** Called when jobs or batches of a tenant changed. */
  readonly onEvents?: ((tenant: string) => void) | undefined;
  /** JSON of Origin: the request on whose behalf changes are made; null for none, which is the default. */
  readonly origin?: () => string | null;
}

/** The columns that are read from an execution whose dispatch is over. */
export interface EndedDispatchRow
  extends Pick<ExecutionTable, 'tenant' | 'step' | 'work_bytes' | 'estimate_ms' | 'charged_ms'> {
  /** The duration of its attempt; null if it had not begun. */
  readonly took_ms: number | null;
}

/** The columns of EndedDispatchRow. */
export const endedDispatchColumns = ({ now }: Pick<Database, 'now'>) =>
  [
    'execution.tenant',
    'execution.step',
    'execution.work_bytes',
    'execution.estimate_ms',
    'execution.charged_ms',
    sql<number | null>`${now} - execution.started_at`.as('took_ms'),
  ] as const;

/**
 * A transaction in which jobs of a tenant are accepted, continue or end, with all consequences: batches that end,
 * events for streams and webhooks, usage, and the next dispatches.
 */
export class JobChanges {
  readonly writer: Writer;
  readonly database: Database;
  readonly tenant: string;
  readonly adapterTtlSeconds: number | undefined;
  /** JSON of Origin: the request on whose behalf the changes are made. */
  origin: string | null;
  /** Jobs that ended in this transaction. */
  readonly ended: JobRecord[] = [];
  /** Jobs that began in this transaction. */
  readonly started: JobRecord[] = [];
  /** What was moved for the jobs that ended. */
  totals: ExecutionTotals | undefined;
  /** Whether the transaction neither makes room in the queue nor adds work to it. */
  leavesQueue = false;
  private readonly parts: JobChangesParts;
  private readonly outbox: Outbox;
  private readonly batches: BatchRecord[] = [];
  private readonly events: OutgoingEvent[] = [];
  private readonly tickets: DeliveryTicket[] = [];
  private readonly usage = { adapters: 0, bytes: 0, jobs: 0, computeMs: 0 };
  private readonly endedDispatches: EndedDispatch[] = [];
  private dispatches: readonly Dispatch[] = [];
  /** The bytes of the work whose dispatch is over. */
  private workBytes: number | undefined;

  private constructor(parts: JobChangesParts, tenant: string, writer: Writer) {
    const { database, deliveries: queue, adapterTtlSeconds } = parts;
    this.parts = parts;
    this.writer = writer;
    this.database = database;
    this.tenant = tenant;
    this.adapterTtlSeconds = adapterTtlSeconds;
    this.origin = parts.origin?.() ?? null;
    this.outbox = new Outbox({ database, tenant, queue });
  }

  /**
   * Runs such a transaction, and informs observers afterwards.
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL, and the errors of `work`
   */
  static async write<T>(
    parts: JobChangesParts,
    tenant: string,
    work: (changes: JobChanges) => Promise<T>,
  ): Promise<T> {
    const { changes, result } = await parts.database.write(async (writer) => {
      const changes = new JobChanges(parts, tenant, writer);
      const result = await work(changes);
      await changes.complete();
      return { changes, result };
    });
    await changes.notify();
    return result;
  }

  /**
   * Notes that a job has reached its current state. Its end is noted by `end`.
   * @param job without secrets
   * @param atMs default: the time at which it was accepted
   */
  note(job: JobRecord, atMs?: number): void {
    this.events.push(jobEvent(job, atMs));
  }

  /**
   * Notes that a dispatch is over and charges its tenant for the duration.
   * @param isFree whether the service caused the outcome, so that the tenant pays nothing
   */
  noteDispatchEnd(dispatch: EndedDispatchRow, { isFree = false } = {}): void {
    const { tenant, step, estimate_ms: estimateMs, charged_ms: chargedMs, took_ms } = dispatch;
    this.workBytes = dispatch.work_bytes;
    const tookMs = isFree ? 0 : Math.max(0, took_ms ?? 0);
    if (step === 'work') this.usage.computeMs += tookMs;
    if (estimateMs === null || chargedMs === null) return;
    this.endedDispatches.push({ tenant, estimateMs, chargedMs, tookMs });
  }

  /** Notes jobs that were accepted, or removed: a negative number of them. */
  addJobs(count: number): void {
    this.usage.jobs += count;
  }

  /** Records adapters whose contents have been settled. @param contents ids by digests */
  async addAdapters(adapters: readonly NewAdapter[], contents: ReadonlyMap<string, string>): Promise<void> {
    await insertAdapters(this.database, this.writer, this.tenant, adapters, contents);
    const { adapters: count, bytes } = usageOfNew(adapters);
    this.usage.adapters += count;
    this.usage.bytes += bytes;
  }

  /**
   * Records the end of a job; for several jobs in the order of their ids.
   * @returns the job after its end; undefined if it had already ended or no longer exists
   */
  async end(record: JobRecord): Promise<JobRecord | undefined> {
    const row = await this.writer
      .updateTable('job')
      .set(jobEndColumns(record, this.parts.jobTtlSeconds))
      .where('id', '=', record.id)
      .where('tenant', '=', this.tenant)
      .where('finished_at', 'is', null)
      .returning(JOB_COLUMNS)
      .executeTakeFirst();
    if (!row) return undefined;
    await this.writer
      .updateTable('job_source')
      .set({ finished_at: row.finished_at })
      .where('job', '=', row.id)
      .execute();
    const job = jobRecord(row);
    this.ended.push(job);
    this.note(job);
    return job;
  }

  /** Notes that a batch has ended without the end of a job. */
  noteBatch(batch: BatchRecord): void {
    this.batches.push(batch);
  }

  private async complete(): Promise<void> {
    const { writer, database, tenant, outbox, ended, batches, events, tickets, usage } = this;
    // Done after all jobs, so that transactions that end jobs of the same batch wait here and cannot deadlock.
    for (const job of ended) {
      const batch = await endInBatch(writer, job);
      if (batch) batches.push(batch);
    }
    events.push(...batches.map(batchEvent));
    tickets.push(...(await outbox.record(writer, events)));
    if (Object.values(usage).some((count) => count !== 0)) await addUsage(writer, tenant, usage);
    if (!this.leavesQueue) this.dispatches = await this.parts.dispatcher.fill(writer, this.endedDispatches);
    await insertEvents(database, writer, tenant, events);
  }

  private async notify(): Promise<void> {
    const { tenant, workBytes } = this;
    const { observer } = this.parts;
    for (const job of this.started) observer?.onJobBegun?.(job, tenant);
    for (const [index, job] of this.ended.entries())
      observer?.onJobEnded?.({ job, tenant, workBytes }, index === 0 ? this.totals : undefined);
    for (const batch of this.batches) observer?.onBatchFinished?.(batch);
    const { bytes, computeMs } = this.usage;
    if (bytes > 0 || computeMs > 0) observer?.onUsed?.(tenant, { bytes, computeMs });
    this.parts.dispatcher.send(this.dispatches);
    if (this.events.length > 0) this.parts.onEvents?.(this.tenant);
    await this.outbox.enqueue(this.tickets);
  }
}
