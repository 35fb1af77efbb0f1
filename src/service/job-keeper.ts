import type { JobPriority } from '../contract/job-request.ts';
import type { Database } from '../database/database.ts';
import type { JobQueue } from './job-queue.ts';

const LOOKED_AT_ONCE = 1_000;

/** Looks after the unfinished jobs of all tenants: queues lost ones again. */
export class JobKeeper {
  private readonly database: Pick<Database, 'reader'>;
  private readonly queue: Pick<JobQueue, 'addAll' | 'missing'>;

  constructor(database: Pick<Database, 'reader'>, queue: Pick<JobQueue, 'addAll' | 'missing'>) {
    this.database = database;
    this.queue = queue;
  }

  /**
   * Queues again what has not ended and is not in the queue: Redis was lost, or a process died between transaction and
   * queue.
   * @returns ids of the jobs queued again
   * @throws AppError QUEUE_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async reconcile(): Promise<string[]> {
    const requeued: string[] = [];
    for (let after = ''; ; ) {
      const rows = await this.database.reader
        .selectFrom('job')
        .select('id')
        .where('finished_at', 'is', null)
        .where('id', '>', after)
        .orderBy('id')
        .limit(LOOKED_AT_ONCE)
        .execute();
      if (rows.length > 0) requeued.push(...(await this.requeue(rows.map(({ id }) => id))));
      if (rows.length < LOOKED_AT_ONCE) return requeued;
      after = rows.at(-1)!.id;
    }
  }

  private async requeue(jobIds: readonly string[]): Promise<string[]> {
    const missing = await this.queue.missing(jobIds);
    if (missing.length === 0) return [];
    // After the queue: what left it as it ended has its end recorded by now.
    const lost = await this.database.reader
      .selectFrom('job')
      .select(['id', 'tenant', 'priority'])
      .where('id', 'in', missing)
      .where('finished_at', 'is', null)
      .orderBy('id')
      .execute();
    await this.queue.addAll(lost.map((job) => ({ ...job, priority: job.priority as JobPriority })));
    return lost.map(({ id }) => id);
  }
}
