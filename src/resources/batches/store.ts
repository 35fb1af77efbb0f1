import { setImmediate } from 'node:timers/promises';
import type {
  BatchPatch,
  BatchRecord,
  BatchRequest,
  BatchState,
  BatchSummary,
} from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import { isBatchId } from '../../database/ids.ts';
import type { BatchMemberTable, BatchTable } from '../../database/job-tables.ts';
import { labelLinks, labelRows, type WantedLabel } from '../../database/lists/label-filter.ts';
import { listed, nameBegins } from '../../database/lists/listed.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import {
  batchJob,
  batchSummary,
  endedJobs,
  isInState,
  memberRow,
  SUMMARY_COLUMNS,
  type SummaryRow,
} from '../jobs/batch-counts.ts';
import { acceptJobs, type NewJob } from '../jobs/executions/accept-jobs.ts';
import { JobChanges, type JobChangesParts } from '../jobs/executions/job-changes.ts';
import { inSlices } from '../jobs/rows.ts';
import { insertRequestWebhooks, type NewRequestWebhook } from '../webhooks/request-webhook.ts';

/** A batch as it comes. Its request has no webhook, in which there is a secret. */
export interface NewBatch {
  readonly id: string;
  readonly request: BatchRequest;
  /** In the order of its request. */
  readonly jobs: readonly JobRecord[];
  readonly retryOf: string | null;
  /** What came with its request. */
  readonly webhook?: NewRequestWebhook | undefined;
  /** Of that, or of the batch that this one is a retry of. */
  readonly webhookId?: string | null;
  /** How long the batch is kept after its end; null: until it is deleted. */
  readonly ttlSeconds: number | null;
  readonly createdAtMs: number;
}

/** What a batch was asked for with, and the id of the webhook that came along. */
export interface RecordedRequest {
  readonly request: BatchRequest;
  readonly webhookId: string | null;
}

/** What is left out matters not. */
export interface BatchFilter {
  /** Any of them. */
  readonly states?: readonly BatchState[] | undefined;
  /** What the name begins with. */
  readonly name?: string | undefined;
  readonly labels?: readonly WantedLabel[] | undefined;
}

/**
 * The batches of a tenant. Their jobs end where all jobs do (JobStore), and a batch with the last one. What is asked for by
 * an id may be any text. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class BatchStore {
  private readonly parts: JobChangesParts;
  private readonly tenant: string;

  constructor(parts: JobChangesParts, tenant: string) {
    this.parts = parts;
    this.tenant = tenant;
  }

  private get database() {
    return this.parts.database;
  }

  /** Makes a batch durable; then `open` it. */
  async accept(batch: NewBatch): Promise<BatchRecord> {
    const row = this.rowOf(batch);
    const members = batch.jobs.map((job, position) => memberRow(batch.id, job, position));
    await this.database.write(async (writer) => {
      await insertRequestWebhooks(writer, this.tenant, batch.webhook ? [batch.webhook] : []);
      await writer.insertInto('batch').values(row).execute();
      const labels = labelRows(this.tenant, batch.request.labels, { batch: batch.id });
      if (labels.length > 0) await writer.insertInto('batch_label').values(labels).execute();
      for (const some of inSlices(members)) await writer.insertInto('batch_member').values(some).execute();
    });
    return { ...batchSummary(row), jobs: members.map((member) => batchJob(member)) };
  }

  /**
   * Accepts the jobs of a batch, those that are missing if that was begun before. A thousand in one transaction would hold
   * up others for a tenth of a second, so there are several: until the last one the batch is not opened.
   */
  async open(batchId: string, jobs: readonly NewJob[]): Promise<void> {
    for (const some of inSlices(jobs)) {
      const isLast = some.at(-1) === jobs.at(-1);
      await JobChanges.write(this.parts, this.tenant, async (changes) => {
        const { writer } = changes;
        const batch = writer.selectFrom('batch').select('id').where('id', '=', batchId);
        // Opened by another process, it may have ended, and jobs of it may be deleted by now.
        const unopened = this.database.locked(batch.where('opened_at', 'is', null));
        if (!(await unopened.executeTakeFirst())) return;
        await acceptJobs(changes, some);
        if (isLast)
          await writer
            .updateTable('batch')
            .set({ opened_at: Date.now() })
            .where('id', '=', batchId)
            .execute();
      });
      await setImmediate();
    }
  }

  /** What the jobs of a batch follow from that was not opened. */
  async unopened(
    batchId: string,
  ): Promise<(RecordedRequest & { readonly members: readonly BatchMemberTable[] }) | undefined> {
    const unopened = this.row(batchId)?.where('opened_at', 'is', null);
    const row = await unopened?.select(['request', 'webhook']).executeTakeFirst();
    return row && { ...recordedRequest(row), members: await this.members(batchId) };
  }

  /** A batch with its jobs. */
  async get(batchId: string): Promise<BatchRecord | undefined> {
    const members = await this.members(batchId);
    const running = members.some(({ state }) => state === 'queued') ? await this.active(batchId) : new Set();
    // Read last, it may be further than its jobs, but not behind them.
    const row = await this.summaryRow(batchId);
    if (!row) return undefined;
    const jobs = members.map((member) =>
      batchJob(member, member.state === 'queued' && running.has(member.job)),
    );
    const count = (state: string): number => jobs.filter((job) => job.state === state).length;
    const [succeeded, partial] = [count('succeeded'), count('partial')];
    const counts = { succeeded, partial, failed: count('failed'), cancelled: count('cancelled') };
    const isOver = jobs.every(({ finished_at }) => finished_at !== null);
    const seen = { ...row, ...counts, ...(!isOver && { finished_at: null, expires_at: null }) };
    return { ...batchSummary(seen, count('active')), jobs };
  }

  /** What a batch was asked for with. */
  async request(batchId: string): Promise<RecordedRequest | undefined> {
    const row = await this.row(batchId)?.select(['request', 'webhook']).executeTakeFirst();
    return row && recordedRequest(row);
  }

  /** Whether a batch is there that has not ended. */
  async isActive(batchId: string): Promise<boolean> {
    const row = await this.row(batchId)?.select('finished_at').executeTakeFirst();
    return row?.finished_at === null;
  }

  /** Whether a batch was cancelled as a whole. */
  async isCancelled(batchId: string): Promise<boolean> {
    const row = await this.row(batchId)?.select('cancelled_at').executeTakeFirst();
    return typeof row?.cancelled_at === 'number';
  }

  /** Batches, the newest first. */
  async page({ states, name, labels }: BatchFilter, request: PageRequest): Promise<Page<BatchSummary>> {
    const { database, tenant } = this;
    const begins = name === undefined ? {} : await nameBegins(database, 'batch', tenant, name);
    const { rows, next } = await listed(
      database,
      {
        ...{ table: 'batch', tenant, columns: SUMMARY_COLUMNS, ...begins },
        links: labelLinks('batch_label', labels),
        oneOf: states && [...new Set(states)].map(isInState),
      },
      request,
    );
    const unfinished = rows.filter(({ finished_at }) => finished_at === null);
    const running = await this.running(unfinished.map(({ id }) => id));
    const items = rows.map((row) => batchSummary(row, Math.min(running.get(row.id) ?? 0, leftOf(row))));
    return { items, next };
  }

  /**
   * From now on no job of the batch begins, and it is cancelled, whatever its jobs come to.
   * @returns false when it has ended already
   */
  async cancel(batchId: string): Promise<boolean> {
    const { numUpdatedRows } = await this.database.write((writer) =>
      writer
        .updateTable('batch')
        .set(({ fn, ref, val }) => ({ cancelled_at: fn.coalesce(ref('cancelled_at'), val(Date.now())) }))
        .where('id', '=', batchId)
        .where('tenant', '=', this.tenant)
        .where('finished_at', 'is', null)
        .executeTakeFirst(),
    );
    return numUpdatedRows > 0n;
  }

  /** Ids of the first jobs that the batch made. @param options `unfinished`: of those that have not ended */
  async jobIds(
    batchId: string,
    { limit, unfinished = false }: { readonly limit: number; readonly unfinished?: boolean },
  ): Promise<string[]> {
    let query = this.database.reader
      .selectFrom('job')
      .select('id')
      .where('tenant', '=', this.tenant)
      .where('batch', '=', batchId);
    if (unfinished) query = query.where('finished_at', 'is', null);
    return (await query.orderBy('id').limit(limit).execute()).map(({ id }) => id);
  }

  /** Changes the name or the labels of a batch, whatever its state. False where there is none. */
  change(id: string, { name, labels }: BatchPatch): Promise<boolean> {
    return this.database.write(async (writer) => {
      const { numUpdatedRows } = await writer
        .updateTable('batch')
        // Something has to be set, and this makes others wait.
        .set({ id })
        .$if(name !== undefined, (query) => query.set({ name: name! }))
        .$if(labels !== undefined, (query) => query.set({ labels: JSON.stringify(labels) }))
        .where('id', '=', id)
        .where('tenant', '=', this.tenant)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      if (labels === undefined) return true;
      await writer.deleteFrom('batch_label').where('batch', '=', id).execute();
      const rows = labelRows(this.tenant, labels, { batch: id });
      if (rows.length > 0) await writer.insertInto('batch_label').values(rows).execute();
      return true;
    });
  }

  /** Removes a batch that has ended; its jobs are left. */
  async remove(batchId: string): Promise<void> {
    await this.database.write((writer) =>
      writer.deleteFrom('batch').where('id', '=', batchId).where('tenant', '=', this.tenant).execute(),
    );
  }

  private rowOf(batch: NewBatch): BatchTable {
    const { id, request, jobs, retryOf, webhookId, ttlSeconds, createdAtMs } = batch;
    return {
      ...{
        id,
        tenant: this.tenant,
        name: request.name ?? null,
        labels: JSON.stringify(request.labels ?? {}),
        retry_of: retryOf,
      },
      ...{ ttl_seconds: ttlSeconds, jobs: jobs.length, succeeded: 0, partial: 0, failed: 0, cancelled: 0 },
      ...{ created_at: createdAtMs, cancelled_at: null, finished_at: null, expires_at: null },
      opened_at: null,
      webhook: webhookId ?? null,
      request: JSON.stringify(request),
    };
  }

  private row(batchId: string) {
    // No other text is an id, and PostgreSQL takes none with U+0000.
    if (!isBatchId(batchId)) return undefined;
    return this.database.reader
      .selectFrom('batch')
      .where('id', '=', batchId)
      .where('tenant', '=', this.tenant);
  }

  private async summaryRow(batchId: string): Promise<SummaryRow | undefined> {
    return this.row(batchId)?.select(SUMMARY_COLUMNS).executeTakeFirst();
  }

  private async members(batchId: string): Promise<BatchMemberTable[]> {
    if (!isBatchId(batchId)) return [];
    return this.database.reader
      .selectFrom('batch_member')
      .selectAll()
      .where('batch', '=', batchId)
      .orderBy('position')
      .execute();
  }

  /** Ids of the jobs of a batch that have begun. */
  private async active(batchId: string): Promise<ReadonlySet<string>> {
    const rows = await this.database.reader
      .selectFrom('job')
      .select('id')
      .where('batch', '=', batchId)
      .where('state', '=', 'active')
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** How many there are of each batch. */
  private async running(batchIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (batchIds.length === 0) return new Map();
    const rows = await this.database.reader
      .selectFrom('job')
      .select(({ fn }) => ['batch', fn.countAll<number>().as('jobs')])
      .where('batch', 'in', batchIds)
      .where('state', '=', 'active')
      .groupBy('batch')
      .execute();
    return new Map(rows.map(({ batch, jobs }) => [batch!, Number(jobs)]));
  }
}

const recordedRequest = ({ request, webhook }: Pick<BatchTable, 'request' | 'webhook'>): RecordedRequest => ({
  request: JSON.parse(request) as BatchRequest,
  webhookId: webhook,
});

const leftOf = (row: SummaryRow): number => row.jobs - endedJobs(row);
