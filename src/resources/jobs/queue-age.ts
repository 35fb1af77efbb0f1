import { LRUCache } from 'lru-cache';
import type { Database } from '../../database/database.ts';
import { timedIdMs } from '../../database/ids.ts';
import { isDue } from '../../dispatch/tenant-shares.ts';
import { AppError } from '../../errors/app-error.ts';

/** How long the age of a tenant's queue is cached, because there may be hundreds of requests a second. */
const CACHE_MS = 1_000;
const MAX_CACHED = 10_000;

/** In seconds. After a shorter wait the queue would still be too old; a longer one would leave workers idle. */
const RETRY_AFTER = { minimum: 5, maximum: 60 } as const;

/**
 * Refuses new jobs of a tenant while the oldest of its jobs that could begin has waited too long. Only the tenant's
 * own jobs count, so a tenant with little to do is not refused because of another one's jobs. An execution that was
 * already dispatched does not count, because it waits for its next attempt.
 */
export class QueueAge {
  private readonly database: Pick<Database, 'reader' | 'now' | 'clock' | 'after'>;
  private readonly maxSeconds: number | undefined;
  /** Cached queries, including those under way: requests that arrive meanwhile wait for the same query. */
  private readonly cache = new LRUCache<string, Promise<number>>({
    max: MAX_CACHED,
    ttl: CACHE_MS,
  });

  /** @param maxSeconds undefined: jobs may wait for any time */
  constructor(
    database: Pick<Database, 'reader' | 'now' | 'clock' | 'after'>,
    maxSeconds: number | undefined,
  ) {
    this.database = database;
    this.maxSeconds = maxSeconds;
  }

  /**
   * Costs nothing if there is no limit.
   * @throws AppError QUEUE_TOO_OLD, DATABASE_UNAVAILABLE
   */
  async check(tenant: string): Promise<void> {
    const { maxSeconds: limit } = this;
    if (limit === undefined) return;
    const waited = Math.floor((await this.secondsOf(tenant)) * 10) / 10;
    if (waited <= limit) return;
    const secondsAbove = Math.ceil(waited - limit);
    const seconds = Math.min(RETRY_AFTER.maximum, Math.max(RETRY_AFTER.minimum, secondsAbove));
    throw new AppError(
      'QUEUE_TOO_OLD',
      `The oldest job of the tenant has waited for ${waited} s. New jobs are accepted while this is at most ` +
        `${limit} s; try again in ${seconds} s.`,
      { waited_seconds: waited, limit, retry_after_seconds: seconds },
    );
  }

  private secondsOf(tenant: string): Promise<number> {
    const known = this.cache.get(tenant);
    if (known) return known;
    const reading = this.readAge(tenant);
    this.cache.set(tenant, reading);
    reading.catch(() => this.cache.delete(tenant));
    return reading;
  }

  private async readAge(tenant: string): Promise<number> {
    const { reader } = this.database;
    const oldest = await reader
      .selectFrom('execution')
      .select('id')
      .where('tenant', '=', tenant)
      .where(isDue(this.database))
      .where('dispatch_no', '=', 0)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    return oldest ? Math.max(0, Date.now() - timedIdMs(oldest.id)) / 1000 : 0;
  }
}
