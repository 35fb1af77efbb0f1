import type { BatchPatch, BatchRecord, BatchState } from '../../contract/batch.ts';
import { isBatchId } from '../../database/ids.ts';
import { type LabelFilterTerm, labelLinks, labelRows } from '../../database/lists/label-filter.ts';
import { listPage, nameBegins } from '../../database/lists/list-page.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { sql } from '../../database/sql.ts';
import {
  batchSummary,
  endedJobs,
  isInState,
  SUMMARY_COLUMNS,
  type SummaryRow,
} from '../jobs/batch-counts.ts';
import type { JobChangesParts } from '../jobs/executions/job-changes.ts';
import { removeBatchRows } from './sweep-batches.ts';

/** Conditions for a list of batches. Absent fields match everything. */
export interface BatchFilter {
  /** Batches in any of these states. */
  readonly states?: readonly BatchState[] | undefined;
  /** The beginning of the name. */
  readonly name?: string | undefined;
  readonly labels?: readonly LabelFilterTerm[] | undefined;
}

/**
 * The accepted batches of a tenant. Their jobs are ended by the same code as all jobs (JobStore), and a batch ends with its last job.
 * Ids may be any text. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
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

  /** The current state of a batch. */
  async get(batchId: string): Promise<BatchRecord | undefined> {
    if (!isBatchId(batchId)) return undefined;
    const running = (await this.running([batchId])).get(batchId) ?? 0;
    // Because the batch is read after its jobs, it may be ahead of them, but not behind.
    const row = await this.row(batchId)?.select(SUMMARY_COLUMNS).executeTakeFirst();
    return row && batchSummary(row, Math.min(running, leftOf(row)));
  }

  /** Settings that a retry keeps and that are not part of the record of the batch. */
  async retention(batchId: string): Promise<{ readonly ttlSeconds: number | null } | undefined> {
    const row = await this.row(batchId)?.select('ttl_seconds').executeTakeFirst();
    return row && { ttlSeconds: row.ttl_seconds };
  }

  /** Whether there is an unfinished batch with this id. */
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
  async page({ states, name, labels }: BatchFilter, request: PageRequest): Promise<Page<BatchRecord>> {
    const { database, tenant } = this;
    const begins = name === undefined ? {} : await nameBegins(database, 'batch', tenant, name);
    const { rows, next } = await listPage(
      database,
      {
        ...{ table: 'batch', tenant, columns: SUMMARY_COLUMNS, ...begins },
        links: labelLinks('batch_label', labels),
        oneOf: states && [...new Set(states)].map(isInState),
        where: [sql`batch.accepted_at is not null`],
      },
      request,
    );
    const unfinished = rows.filter(({ finished_at }) => finished_at === null);
    const running = await this.running(unfinished.map(({ id }) => id));
    const items = rows.map((row) => batchSummary(row, Math.min(running.get(row.id) ?? 0, leftOf(row))));
    return { items, next };
  }

  /**
   * Cancels the batch: from now on none of its jobs starts, and its state is `cancelled`, whatever its jobs' outcomes
   * are.
   * @returns false if it has already ended
   */
  async cancel(batchId: string): Promise<boolean> {
    const { numUpdatedRows } = await this.database.write((writer) =>
      writer
        .updateTable('batch')
        .set(({ fn, ref, val }) => ({ cancelled_at: fn.coalesce(ref('cancelled_at'), val(Date.now())) }))
        .where('id', '=', batchId)
        .where('tenant', '=', this.tenant)
        .where('accepted_at', 'is not', null)
        .where('finished_at', 'is', null)
        .executeTakeFirst(),
    );
    return numUpdatedRows > 0n;
  }

  /** The ids of the first jobs of a batch. @param options `unfinished`: only jobs that have not ended */
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

  /** Changes the name or the labels of a batch in any state. @returns false if there is none */
  change(id: string, { name, labels }: BatchPatch): Promise<boolean> {
    return this.database.write(async (writer) => {
      const { numUpdatedRows } = await writer
        .updateTable('batch')
        // Sets a column to its own value, so that there always is something to set, and locks the row.
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

  /** Removes a batch that has ended, but not its jobs. */
  async remove(batchId: string): Promise<void> {
    if (await this.row(batchId)?.select('id').executeTakeFirst())
      await removeBatchRows(this.database, batchId);
  }

  private row(batchId: string) {
    // No other text is an id, and PostgreSQL does not accept U+0000.
    if (!isBatchId(batchId)) return undefined;
    return this.database.reader
      .selectFrom('batch')
      .where('id', '=', batchId)
      .where('tenant', '=', this.tenant)
      .where('accepted_at', 'is not', null);
  }

  /** The number of active jobs of each batch. */
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

const leftOf = (row: SummaryRow): number => row.jobs - endedJobs(row);
