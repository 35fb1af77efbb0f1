import type { Counter, Histogram } from 'prom-client';
import type { BackendEvent } from '../backend-calls.ts';
import type { MetricFactory } from './metric-factory.ts';

/** Few buckets, because every operation has its own series. */
const CALL_SECONDS_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];

/** Durations and failures of calls to the storage, the database and Redis. */
export class BackendMetrics {
  private readonly seconds: Histogram<'backend' | 'operation'>;
  private readonly errors: Counter<'backend' | 'operation'>;
  private readonly retries: Counter<'backend'>;
  private readonly cache: Counter<'outcome'>;

  constructor(make: MetricFactory) {
    this.seconds = make.histogram(
      'backend_call_seconds',
      'Seconds that calls to storage, database and redis took, by operation, failed calls included. For the database, ' +
        'connect is the wait for a free connection, select and change are single statements, sync is SQLite’s ' +
        'fsync. Calls of compute processes are counted only if their attempt succeeds. Of the commands to Redis, only those that an HTTP request waits for are counted.',
      ['backend', 'operation'],
      CALL_SECONDS_BUCKETS,
    );
    this.errors = make.counter(
      'backend_errors_total',
      'Calls to storage, database and redis that failed, unless the call itself was at fault.',
      ['backend', 'operation'],
    );
    this.retries = make.counter(
      'backend_retries_total',
      'Retries: requests to S3, transactions that PostgreSQL aborted, connections to Redis.',
      ['backend'],
    );
    this.cache = make.counter(
      'storage_cache_total',
      'With S3, lookups of files in the local cache: hit or miss.',
      ['outcome'],
    );
  }

  readonly observe = (event: BackendEvent): void => {
    if ('isCached' in event) this.cache.inc({ outcome: event.isCached ? 'hit' : 'miss' });
    else if ('retries' in event) this.retries.inc({ backend: event.backend }, event.retries);
    else {
      const { backend, operation, seconds, failed } = event;
      this.seconds.observe({ backend, operation }, seconds);
      if (failed) this.errors.inc({ backend, operation });
    }
  };
}
