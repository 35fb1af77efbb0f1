import type { JobRecord, JobState } from '../../contract/job.ts';
import type { JobKind } from '../../contract/job-request.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { JobLabels } from '../job-control/job-labels.ts';
import type { JobQueue } from '../job-queue.ts';
import { withLive } from '../job-service.ts';
import { isFinal, JobStore } from '../job-store.ts';
import { inFolder, JOBS_PREFIX, jobIdOfKey, jobKey } from '../layout.ts';
import { sourceIds } from '../source-ids.ts';
import { isQueueTrouble } from '../without-queue.ts';
import { hasLabels, type WantedLabel } from './label-filter.ts';
import { type Listing, type Page, type PageRequest, readPage, storedKeys } from './page.ts';

/** A key of a job without its prefix. */
export const JOB_PLACE = /^[0-9a-f]{6}\/[0-9a-f]{32}\.json$/;

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

/** The jobs of a tenant, the newest first. */
export class JobList {
  private readonly store: BlobStore;
  private readonly jobs: JobStore;
  private readonly labels: JobLabels;
  private readonly queue: Pick<JobQueue, 'state'>;

  constructor(store: BlobStore, queue: Pick<JobQueue, 'state'>) {
    this.store = store;
    this.jobs = new JobStore(store);
    this.labels = new JobLabels(store);
    this.queue = queue;
  }

  /** @throws AppError STORAGE_*; never because the queue is away */
  async page(filter: JobFilter, request: PageRequest): Promise<JobPage> {
    const follow = new Follower(this.queue, this.jobs);
    const listing: Listing<JobRecord> = {
      prefix: JOBS_PREFIX,
      timedKey: inFolder,
      keys: isUnfinished(filter.state) ? this.unfinishedKeys : storedKeys(this.store, JOBS_PREFIX),
      read: async (key) => {
        const recorded = await this.jobs.get(jobIdOfKey(key));
        if (!recorded || !matches(recorded, filter)) return undefined;
        const record = await follow.now(await this.labels.applied(recorded));
        const isWanted = (!filter.state || record.state === filter.state) && hasAll(record, filter);
        return isWanted ? record : undefined;
      },
      isFiltered: Object.values(filter).some((wanted) => wanted !== undefined && !isEmpty(wanted)),
    };
    const page = await readPage(listing, request);
    return { ...page, live: follow.isLive };
  }

  /** Keys of the jobs that may be unfinished: few, however many there are, but the oldest come first. */
  private readonly unfinishedKeys = async (after: string, limit: number): Promise<string[]> => {
    const keys = (await this.jobs.pending()).map(jobKey).sort();
    return keys.filter((key) => key > after).slice(0, limit);
  };
}

const isUnfinished = (state: JobState | undefined): boolean => state === 'queued' || state === 'active';
const isEmpty = (wanted: unknown): boolean => Array.isArray(wanted) && wanted.length === 0;

/** What of the filter can be told from the record alone, which is most of it. */
function matches(record: JobRecord, { state, kind, adapterId, batchId }: JobFilter): boolean {
  // What an unfinished one is, the queue knows.
  if (state && (isFinal(record) ? record.state !== state : !isUnfinished(state))) return false;
  if (kind && record.kind !== kind) return false;
  if (batchId && record.batch_id !== batchId) return false;
  return !adapterId || sourceIds(record.request).includes(adapterId);
}

const hasAll = (record: JobRecord, { labels = [] }: JobFilter): boolean => hasLabels(record.labels, labels);

/** Asks the queue how jobs stand, until it fails once: a list must not wait for it again and again. */
class Follower {
  isLive = true;
  private readonly queue: Pick<JobQueue, 'state'>;
  private readonly jobs: JobStore;

  constructor(queue: Pick<JobQueue, 'state'>, jobs: JobStore) {
    this.queue = queue;
    this.jobs = jobs;
  }

  async now(record: JobRecord): Promise<JobRecord> {
    if (isFinal(record) || !this.isLive) return record;
    try {
      const live = await this.queue.state(record.id);
      // Not in the queue: it ended meanwhile, or Redis lost it.
      if (!live) return { ...((await this.jobs.get(record.id)) ?? record), labels: record.labels };
      return withLive(record, live);
    } catch (error) {
      if (!isQueueTrouble(error)) throw error;
      this.isLive = false;
      return record;
    }
  }
}
