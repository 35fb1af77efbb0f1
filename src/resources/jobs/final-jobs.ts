import { LRUCache } from 'lru-cache';
import { digestTag } from '../../http/entity-tag.ts';

/** A thousand of the longest job records. */
const MAX_BYTES = 32 * 2 ** 20;

/** What another process changes, labels or all, is seen here after this at most. */
const REMEMBERED_MS = 2_000;

/** A record as it is sent. */
export interface FinalJob {
  readonly json: string;
  readonly etag: string;
}

/** Takes the place of what was changed, so that no one who read it before the change puts the old one back. */
const CHANGED: FinalJob = { json: '', etag: '' };

/**
 * Jobs that have ended, as the text that is sent: most who ask for a job ask again and again, and the record of one that
 * has ended is read, parsed and written out for nothing.
 */
export class FinalJobs {
  private readonly answers = new LRUCache<string, FinalJob>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ json }, key) => 2 * json.length + key.length + 200,
    ttl: REMEMBERED_MS,
  });

  get(tenant: string, jobId: string): FinalJob | undefined {
    const found = this.answers.get(`${tenant}/${jobId}`);
    return found === CHANGED ? undefined : found;
  }

  /** Remembers the record of a job that has ended, unless it was changed a moment ago. */
  put(tenant: string, jobId: string, record: object): FinalJob {
    const json = JSON.stringify(record);
    const key = `${tenant}/${jobId}`;
    const answer = { json, etag: digestTag(json) };
    if (this.answers.get(key) !== CHANGED) this.answers.set(key, answer);
    return answer;
  }

  /** The job was changed or removed in this process. */
  forget(tenant: string, jobId: string): void {
    this.answers.set(`${tenant}/${jobId}`, CHANGED);
  }
}
