import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What a sweep came to. */
export interface SweepObservation {
  /** What was removed, by kind. */
  readonly removed: Iterable<{ readonly kind: string; readonly objects: number; readonly bytes: number }>;
  readonly totals: { readonly adapters: number; readonly bytes: number };
  readonly seconds: number;
}

/** A small storage takes milliseconds, one with a million records minutes. */
const SWEEP_SECONDS_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** What is removed, and what is left. Only the process that swept last knows what is stored. */
export class SweepMetrics {
  private readonly sweeps: Counter<'outcome'>;
  private readonly objects: Counter<'kind'>;
  private readonly bytes: Counter<'kind'>;
  private readonly seconds: Histogram;
  private readonly stored: Gauge;
  private readonly adapters: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.sweeps = new Counter({
      name: 'lora_squeeze_sweeps_total',
      help: 'Sweeps of the storage by outcome: done or failed.',
      labelNames: ['outcome'],
      registers,
    });
    this.objects = new Counter({
      name: 'lora_squeeze_swept_objects_total',
      help: 'Objects that sweeps removed, by kind: tenant, adapter, job, batch, delivery, webhook, event, blob, stray, idempotency_key.',
      labelNames: ['kind'],
      registers,
    });
    this.bytes = new Counter({
      name: 'lora_squeeze_swept_bytes_total',
      help: 'Bytes that sweeps removed, by kind. Only the kinds blob and stray free storage.',
      labelNames: ['kind'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'lora_squeeze_sweep_duration_seconds',
      help: 'Duration of sweeps in seconds.',
      buckets: SWEEP_SECONDS_BUCKETS,
      registers,
    });
    this.stored = new Gauge({
      name: 'lora_squeeze_stored_bytes',
      help: 'Bytes of all adapters of all tenants after the last sweep of this process; 0 before the first.',
      registers,
    });
    this.adapters = new Gauge({
      name: 'lora_squeeze_stored_adapters',
      help: 'Adapters of all tenants after the last sweep of this process; 0 before the first.',
      registers,
    });
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
