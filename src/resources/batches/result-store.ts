import type { BatchItem } from '../../contract/batch-item.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { Database } from '../../database/database.ts';
import type { BatchMemberTable } from '../../database/job-tables.ts';
import type { JobStore } from '../jobs/store.ts';
import { batchItem } from './item-rows.ts';

/** An item of a batch, with its job if that still exists. */
export interface ItemWithJob {
  readonly item: BatchItem;
  readonly job: JobRecord | undefined;
}

/** An item that has ended. */
export interface EndedItem extends ItemWithJob {
  /** The position of this item in the order in which the items of its batch ended. */
  readonly endedNo: number;
}

/**
 * Items of batches with their outcomes, read a few at a time: the ten thousand items of a large batch are never in memory at
 * once. The caller has checked that the batch belongs to the tenant. All methods throw AppError DATABASE_UNAVAILABLE.
 */
export class BatchResultStore {
  private readonly database: Pick<Database, 'reader'>;
  private readonly jobs: Pick<JobStore, 'all'>;

  /** @param jobs the jobs of the tenant */
  constructor(database: Pick<Database, 'reader'>, jobs: Pick<JobStore, 'all'>) {
    this.database = database;
    this.jobs = jobs;
  }

  /** The next items in the order of the request. @param index that of the previous item; -1 for none */
  async after(batchId: string, index: number, limit: number): Promise<ItemWithJob[]> {
    const rows = await this.members(batchId)
      .where('position', '>', index)
      .orderBy('position')
      .limit(limit)
      .execute();
    return this.withJobs(rows);
  }

  /** The next items that have ended, in the order in which they ended. @param maximum the last position to return */
  async endedAfter(batchId: string, endedNo: number, maximum: number, limit: number): Promise<EndedItem[]> {
    const rows = await this.members(batchId)
      .where('ended_no', '>', endedNo)
      .where('ended_no', '<=', maximum)
      .orderBy('ended_no')
      .limit(limit)
      .execute();
    const items = await this.withJobs(rows);
    return items.map((item, at) => ({ ...item, endedNo: rows[at]!.ended_no! }));
  }

  private members(batchId: string) {
    return this.database.reader.selectFrom('batch_member').selectAll().where('batch', '=', batchId);
  }

  private async withJobs(rows: readonly BatchMemberTable[]): Promise<ItemWithJob[]> {
    const jobs = await this.jobs.all(rows.flatMap(({ job }) => job ?? []));
    return rows.map((row) => {
      const job = row.job === null ? undefined : jobs.get(row.job);
      return { item: batchItem(row, row.finished_at === null && job?.state === 'active'), job };
    });
  }
}
