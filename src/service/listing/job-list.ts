import type { JobRecord, JobState } from '../../contract/job.ts';
import type { JobKind } from '../../contract/job-request.ts';
import type { Database } from '../../database/database.ts';
import type { JobQueue } from '../job-queue.ts';
import { jobRecord, RECORD_COLUMNS } from '../job-rows.ts';
import { withLive } from '../job-service.ts';
import { isFinal } from '../job-store.ts';
import { timedIdFrom } from '../layout.ts';
import { isQueueTrouble } from '../without-queue.ts';
import type { WantedLabel } from './label-filter.ts';
import type { Page, PageRequest } from './page.ts';

/** The id of a job. */
export const JOB_PLACE = /^job_[0-9a-f]{32}$/;

/** What is left out matters not. */
export interface JobFilter {
  readonly state?: JobState | undefined;
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

  /** Times are places in the order of ids. @throws AppError DATABASE_UNAVAILABLE; never because the queue is away */
  async page(filter: JobFilter, { limit, ...place }: PageRequest): Promise<JobPage> {
    const { state, adapterId, batchId } = filter;
    // No id has that, and PostgreSQL takes no text with it.
    if (adapterId?.includes('\0') || batchId?.includes('\0')) return { items: [], next: null, live: true };
    const follow = new Follower(this.queue);
    // Which of the unfinished ones run, the queue knows.
    const active = state === 'queued' || state === 'active' ? await follow.active() : [];
    let query = this.query(filter, place);
    if (state === 'active') {
      if (active.length === 0) return { items: [], next: null, live: follow.isLive };
      query = query.where('job.id', 'in', active);
    } else if (state === 'queued' && active.length > 0) query = query.where('job.id', 'not in', active);
    const rows = await query.limit(limit + 1).execute();
    const records = rows.slice(0, limit).map(jobRecord);
    const items = await Promise.all(records.map((record) => this.now(record, follow)));
    return {
      // One that began or ended in this moment is another one's now.
      items: state === undefined ? items : items.filter((item) => item.state === state),
      next: rows.length > limit ? records.at(-1)!.id : null,
      live: follow.isLive,
    };
  }

  private query({ state, kind, batchId, ...filter }: JobFilter, request: Omit<PageRequest, 'limit'>) {
    const { after, createdAfterMs, createdBeforeMs } = request;
    const { found, id } = this.found(filter);
    let query = found.select(COLUMNS);
    if (state) query = query.where('job.state', '=', state === 'active' ? 'queued' : state);
    if (kind) query = query.where('job.kind', '=', kind);
    if (batchId) query = query.where('job.batch', '=', batchId);
    if (after !== undefined) query = query.where(id, '<', after);
    if (createdBeforeMs !== undefined) query = query.where(id, '<', timedIdFrom('job', createdBeforeMs));
    if (createdAfterMs !== undefined) query = query.where(id, '>=', timedIdFrom('job', createdAfterMs + 1));
    return query.orderBy(id, 'desc');
  }

  /**
   * Jobs with labels and an adapter. One of these, where it is asked for, leads to the jobs: it is the rarest as a rule.
   * `id` is the column whose index has the order of the list.
   */
  private found({ adapterId, labels = [] }: Pick<JobFilter, 'adapterId' | 'labels'>) {
    const { tenant } = this;
    const jobs = this.database.reader.selectFrom('job');
    const [first, ...others] = labels;
    let found = jobs;
    if (first)
      found = jobs
        .innerJoin('job_label as found', 'found.job', 'job.id')
        .where('found.tenant', '=', tenant)
        .where('found.name', '=', first.name)
        .where('found.text', '=', JSON.stringify(first.text)) as unknown as typeof jobs;
    else if (adapterId)
      found = jobs
        .innerJoin('job_source as found', 'found.job', 'job.id')
        .where('found.tenant', '=', tenant)
        .where('found.adapter', '=', adapterId) as unknown as typeof jobs;
    else found = jobs.where('job.tenant', '=', tenant);
    for (const { name, text } of others)
      found = found.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('job_label as label')
            .select('label.job')
            .whereRef('label.job', '=', 'job.id')
            .where('label.tenant', '=', tenant)
            .where('label.name', '=', name)
            .where('label.text', '=', JSON.stringify(text)),
        ),
      );
    if (first && adapterId)
      found = found.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('job_source as source')
            .select('source.job')
            .whereRef('source.job', '=', 'job.id')
            .where('source.tenant', '=', tenant)
            .where('source.adapter', '=', adapterId),
        ),
      );
    return { found, id: (first || adapterId ? 'found.job' : 'job.id') as 'job.id' };
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

const COLUMNS = RECORD_COLUMNS.map((column) => `job.${column}` as const);
