import type { JobRecord, JobState } from '../../contract/job.ts';
import type { JobKind } from '../../contract/job-request.ts';
import type { Database } from '../../database/database.ts';
import { type Condition, sql } from '../../database/sql.ts';
import type { JobQueue } from '../job-queue.ts';
import { jobRecord, RECORD_COLUMNS } from '../job-rows.ts';
import { withLive } from '../job-service.ts';
import { isFinal } from '../job-store.ts';
import { isQueueTrouble } from '../without-queue.ts';
import { labelLinks, type WantedLabel } from './label-filter.ts';
import { listed } from './listed.ts';
import type { Page, PageRequest } from './page.ts';

/** What is left out matters not. */
export interface JobFilter {
  /** Any of them. */
  readonly states?: readonly JobState[] | undefined;
  readonly kind?: JobKind | undefined;
  /** An adapter that the job reads. */
  readonly adapterId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly labels?: readonly WantedLabel[] | undefined;
}

export interface JobPage extends Page<JobRecord> {
  /** False: the queue could not be asked, and unfinished jobs are shown as recorded, which is queued. */
  readonly live: boolean;
}

type Queue = Pick<JobQueue, 'state' | 'activeJobs'>;

/** The jobs of a tenant, the newest first. */
export class JobList {
  private readonly database: Pick<Database, 'reader'>;
  private readonly tenant: string;
  private readonly queue: Queue;

  constructor(database: Pick<Database, 'reader'>, tenant: string, queue: Queue) {
    this.database = database;
    this.tenant = tenant;
    this.queue = queue;
  }

  /** @throws AppError DATABASE_UNAVAILABLE; never because the queue is away */
  async page(
    { states, kind, adapterId, batchId: batch, labels }: JobFilter,
    request: PageRequest,
  ): Promise<JobPage> {
    const follow = new Follower(this.queue);
    const links = [
      ...labelLinks('job_label', labels),
      ...(adapterId === undefined ? [] : [{ from: sql.table('job_source'), where: { adapter: adapterId } }]),
    ];
    const { rows, next } = await listed(
      this.database,
      {
        ...{
          table: 'job',
          tenant: this.tenant,
          columns: RECORD_COLUMNS,
          links,
          equal: { kind },
          rare: { batch },
        },
        oneOf: states && (await oneOf(new Set(states), follow)),
      },
      request,
    );
    const items = await Promise.all(rows.map((row) => this.now(jobRecord(row), follow)));
    return {
      // One that began or ended in this moment is another one's now.
      items: states ? items.filter(({ state }) => states.includes(state)) : items,
      next,
      live: follow.isLive,
    };
  }

  /** A job as it stands now. */
  private async now(record: JobRecord, follow: Follower): Promise<JobRecord> {
    const live = isFinal(record) ? record : await follow.now(record);
    if (live) return live;
    // Not in the queue: it ended meanwhile, or Redis lost it.
    const row = await this.database.reader
      .selectFrom('job')
      .select(RECORD_COLUMNS)
      .where('id', '=', record.id)
      .executeTakeFirst();
    return row ? jobRecord(row) : record;
  }
}

/** Asks the queue how jobs stand, until it fails once: a list must not wait for it again and again. */
class Follower {
  isLive = true;
  private readonly queue: Queue;

  constructor(queue: Queue) {
    this.queue = queue;
  }

  /** Ids of the jobs that run. */
  async active(): Promise<string[]> {
    return [...((await this.asked(() => this.queue.activeJobs())) ?? [])];
  }

  /** undefined: the queue does not hold the job. */
  async now(record: JobRecord): Promise<JobRecord | undefined> {
    const live = await this.asked(() => this.queue.state(record.id));
    if (live) return withLive(record, live);
    return this.isLive ? undefined : record;
  }

  private async asked<T>(question: () => Promise<T>): Promise<T | undefined> {
    if (!this.isLive) return undefined;
    try {
      return await question();
    } catch (error) {
      if (!isQueueTrouble(error)) throw error;
      this.isLive = false;
      return undefined;
    }
  }
}

/** Conditions of jobs in these states. Which of those that are recorded as queued run, the queue knows. */
async function oneOf(states: ReadonlySet<JobState>, follow: Follower): Promise<Condition[]> {
  const recorded = (state: JobState): Condition => sql`job.state = ${state}`;
  const ended = [...states].filter((state) => state !== 'queued' && state !== 'active').map(recorded);
  if (states.has('queued') && states.has('active')) return [recorded('queued'), ...ended];
  if (ended.length === states.size) return ended;
  const active = await follow.active();
  if (active.length === 0) return states.has('queued') ? [recorded('queued'), ...ended] : ended;
  const which = states.has('active') ? sql`in` : sql`not in`;
  return [sql`${recorded('queued')} and job.id ${which} (${sql.join(active)})`, ...ended];
}
