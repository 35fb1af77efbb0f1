import { setImmediate } from 'node:timers/promises';
import type { BatchItem } from '../../contract/batch-item.ts';
import type { JobState } from '../../contract/job.ts';
import type { BatchMemberTable } from '../../database/job-tables.ts';
import { sql } from '../../database/sql.ts';
import { AppError } from '../../errors/app-error.ts';
import { failInBatch } from '../jobs/batch-counts.ts';
import { acceptJobs, type NewJob } from '../jobs/executions/accept-jobs.ts';
import { JobChanges, type JobChangesParts } from '../jobs/executions/job-changes.ts';
import { batchItem, ITEM_COLUMNS, itemJob } from './item-rows.ts';

/** Jobs that are accepted in one transaction: more of them would delay other work by a tenth of a second. */
const OPENED_AT_ONCE = 50;
/** Items that are read at a time. */
const READ_AT_ONCE = 250;

/** Some items, and the position of the last one if more follow. */
export interface ItemPage {
  readonly items: readonly BatchItem[];
  readonly next: number | null;
}

/** The requested part of a batch's items. */
export interface ItemPageRequest {
  /** Items in any of these states; undefined: all items. */
  readonly states?: readonly JobState[] | undefined;
  readonly limit: number;
  /** The position of the last item of the previous page. */
  readonly after?: number | undefined;
}

/**
 * The items of a tenant's batches. Ids are those of existing batches. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class ItemStore {
  private readonly parts: JobChangesParts;
  private readonly tenant: string;

  constructor(parts: JobChangesParts, tenant: string) {
    this.parts = parts;
    this.tenant = tenant;
  }

  private get database() {
    return this.parts.database;
  }

  /** Items in the order of the request. */
  async page(batchId: string, { states, limit, after = -1 }: ItemPageRequest): Promise<ItemPage> {
    // Only the row of the job shows that it is active; once the job has ended, that row may be older than that of its
    // item.
    const state = sql<JobState>`case when batch_member.state = 'queued' and job.state = 'active' then 'active' else batch_member.state end`;
    const query = this.database.reader
      .selectFrom('batch_member')
      .leftJoin('job', 'job.id', 'batch_member.job')
      .select(ITEM_COLUMNS.map((column) => `batch_member.${column}` as const))
      .select(state.as('now'))
      .where('batch_member.batch', '=', batchId)
      .where('batch_member.position', '>', after)
      .orderBy('batch_member.position')
      .limit(limit + 1);
    const wanted = states && sql.join([...new Set(states)]);
    const rows = await (wanted ? query.where(sql<boolean>`${state} in (${wanted})`) : query).execute();
    const shown = rows.slice(0, limit);
    return {
      items: shown.map((row) => batchItem(row, row.now === 'active')),
      next: rows.length > limit ? shown.at(-1)!.position : null,
    };
  }

  /** The items of a batch that a retry repeats, in their order and in slices. */
  async *unsuccessful(batchId: string): AsyncGenerator<readonly BatchMemberTable[]> {
    for (let after = -1; ; ) {
      const rows = await this.database.reader
        .selectFrom('batch_member')
        .selectAll()
        .where('batch', '=', batchId)
        .where('position', '>', after)
        .where('state', 'in', ['failed', 'partial', 'cancelled'])
        .orderBy('position')
        .limit(READ_AT_ONCE)
        .execute();
      if (rows.length > 0) yield rows;
      if (rows.length < READ_AT_ONCE) return;
      after = rows.at(-1)!.position;
    }
  }

  /**
   * Accepts the jobs of a batch, or the missing ones if this was interrupted before. One transaction for all of them would
   * delay other work, so there are several; the last one opens the batch. Several processes may do this at once.
   */
  async open(batchId: string): Promise<void> {
    const { reader } = this.database;
    const batch = await reader
      .selectFrom('batch')
      .select('webhook')
      .where('id', '=', batchId)
      .where('tenant', '=', this.tenant)
      .where('accepted_at', 'is not', null)
      .where('opened_at', 'is', null)
      .executeTakeFirst();
    if (!batch) return;
    for (let after = -1; ; ) {
      const rows = await reader
        .selectFrom('batch_member')
        .selectAll()
        .where('batch', '=', batchId)
        .where('position', '>', after)
        .where('job', 'is not', null)
        .orderBy('position')
        .limit(OPENED_AT_ONCE)
        .execute();
      await this.openSome(batchId, rows, batch.webhook);
      if (rows.length < OPENED_AT_ONCE) break;
      after = rows.at(-1)!.position;
      await setImmediate();
    }
    await this.database.write((writer) =>
      writer
        .updateTable('batch')
        .set({ opened_at: Date.now() })
        .where('id', '=', batchId)
        .where('opened_at', 'is', null)
        .execute(),
    );
  }

  private async openSome(
    batchId: string,
    rows: readonly BatchMemberTable[],
    webhookId: string | null,
  ): Promise<void> {
    if (rows.length === 0) return;
    const jobs = rows.map((row) => itemJob(row, batchId, webhookId));
    try {
      await this.accept(batchId, rows, jobs);
    } catch (error) {
      if (!isOfAdapter(error)) throw error;
      // An adapter was removed after the check: only its item fails.
      for (const [index, row] of rows.entries()) {
        try {
          await this.accept(batchId, [row], [jobs[index]!]);
        } catch (reason) {
          if (!isOfAdapter(reason)) throw reason;
          await this.fail(batchId, row.position, reason);
        }
      }
    }
  }

  private async accept(
    batchId: string,
    rows: readonly BatchMemberTable[],
    jobs: readonly NewJob[],
  ): Promise<void> {
    await JobChanges.write(this.parts, this.tenant, async (changes) => {
      if (!(await this.isUnopened(changes, batchId))) return;
      await acceptJobs(changes, jobs);
      const encrypted = rows.filter((row) => row.encrypted !== null).map(({ position }) => position);
      if (encrypted.length === 0) return;
      // From now on the jobs hold these values.
      await changes.writer
        .updateTable('batch_member')
        .set({ encrypted: null })
        .where('batch', '=', batchId)
        .where('position', 'in', encrypted)
        .execute();
    });
  }

  private async fail(batch: string, position: number, { code, message }: AppError): Promise<void> {
    await JobChanges.write(this.parts, this.tenant, async (changes) => {
      const { writer } = changes;
      if (!(await this.isUnopened(changes, batch))) return;
      const row = await writer
        .selectFrom('batch_member')
        .select('state')
        .where('batch', '=', batch)
        .where('position', '=', position)
        .where('job', 'is not', null)
        .executeTakeFirst();
      if (row?.state !== 'queued') return;
      const ended = await failInBatch(writer, { batch, position, failure: { code, detail: message } });
      if (ended) changes.noteBatch(ended);
    });
  }

  /** Another process may have opened the batch; then it may have ended, and its jobs may have been deleted. */
  private async isUnopened({ writer }: JobChanges, batchId: string): Promise<boolean> {
    const batch = writer.selectFrom('batch').select('id').where('id', '=', batchId);
    return (
      (await this.database.locked(batch.where('opened_at', 'is', null)).executeTakeFirst()) !== undefined
    );
  }
}

const isOfAdapter = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'ADAPTER_NOT_FOUND' || error.code === 'ADAPTER_EXPIRED');
