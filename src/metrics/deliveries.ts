import type { Counter, Histogram } from 'prom-client';
import type { MetricFactory } from './metric-factory.ts';

/** A healthy receiver answers in milliseconds; deliveries time out after 15 s. */
const DELIVERY_SECONDS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** Outcome of an attempt at a delivery; see resources/webhooks/deliverer.ts. */
export interface DeliveryObservation {
  readonly outcome: 'delivered' | 'retried' | 'failed' | 'gone' | 'dropped';
  /** How long the request took, in milliseconds; undefined: no request was made. */
  readonly ms?: number;
}

/** Metrics of webhook deliveries. Receivers are not distinguished, because there may be any number of them. */
export class DeliveryMetrics {
  private readonly attempts: Counter<'outcome'>;
  private readonly seconds: Histogram<'outcome'>;

  constructor(make: MetricFactory) {
    this.attempts = make.counter(
      'webhook_attempts_total',
      'Attempts to deliver events to webhooks by outcome: delivered, retried (will be repeated), failed (no more attempts), gone (the receiver answered 410), dropped (the webhook is disabled or deleted; nothing was sent).',
      ['outcome'],
    );
    this.seconds = make.histogram(
      'webhook_request_duration_seconds',
      'Seconds from a request to a receiver to its response or timeout, by outcome.',
      ['outcome'],
      DELIVERY_SECONDS_BUCKETS,
    );
  }

  attempted({ outcome, ms }: DeliveryObservation): void {
    this.attempts.inc({ outcome });
    if (ms !== undefined) this.seconds.observe({ outcome }, ms / 1000);
  }
}
