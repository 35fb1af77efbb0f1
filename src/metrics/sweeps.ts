import type { Counter, Gauge, Histogram } from 'prom-client';
import type { MetricFactory } from './metric-factory.ts';

/** Outcome of a sweep. */
export interface SweepObservation {
  /** What was removed, by kind. */
  readonly removed: Iterable<{ readonly kind: string; readonly objects: number; readonly bytes: number }>;
  readonly totals: { readonly adapters: number; readonly bytes: number };
  readonly seconds: number;
}

/** Sweeping takes milliseconds for a small storage and minutes for one with a million records. */
const SWEEP_SECONDS_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** Counts what sweeps remove and shows what remains. Only the process that ran the last sweep knows the totals. */
export class SweepMetrics {
  private readonly sweeps: Counter<'outcome'>;
  private readonly objects: Counter<'kind'>;
  private readonly bytes: Counter<'kind'>;
  private readonly seconds: Histogram;
  private readonly stored: Gauge;
  private readonly adapters: Gauge;

  constructor(make: MetricFactory) {
    this.sweeps = make.counter('sweeps_total', 'Sweeps of the storage by outcome: done or failed.', [
      'outcome',
    ]);
    this.objects = make.counter(
      'swept_objects_total',
      'Objects that sweeps removed, by kind: tenant, adapter, job, batch, delivery, webhook, event, blob, stray, idempotency_key.',
      ['kind'],
    );
    this.bytes = make.counter(
      'swept_bytes_total',
      'Bytes that sweeps removed, by kind. Only blob (content without a reference) and stray (a file of which the database knows nothing) free storage.',
      ['kind'],
    );
    this.seconds = make.histogram(
      'sweep_duration_seconds',
      'Duration of sweeps in seconds.',
      [],
      SWEEP_SECONDS_BUCKETS,
    );
    this.stored = make.gauge(
      'stored_bytes',
      'Bytes of all adapters of all tenants after the last sweep of this process; 0 before the first.',
      [],
    );
    this.adapters = make.gauge(
      'stored_adapters',
      'Adapters of all tenants after the last sweep of this process; 0 before the first.',
      [],
    );
  }

  done({ removed, totals, seconds }: SweepObservation): void {
    this.sweeps.inc({ outcome: 'done' });
    this.seconds.observe(seconds);
    for (const { kind, objects, bytes } of removed) {
      this.objects.inc({ kind }, objects);
      this.bytes.inc({ kind }, bytes);
    }
    this.stored.set(totals.bytes);
    this.adapters.set(totals.adapters);
  }

  failed(): void {
    this.sweeps.inc({ outcome: 'failed' });
  }
}
