import type { Counter } from 'prom-client';
import type { MetricFactory } from './metric-factory.ts';

/** `probes`: the server at PROBE_PORT. */
export type Listener = 'main' | 'probes';

/**
 * What a connection is doing. `silent`: it has not sent a complete request head yet; `idle`: it is kept alive between
 * requests; `serving`: a request is being received or answered; `closing`: the last answer was sent, and the client
 * is given time to read it.
 */
export type ConnectionState = 'silent' | 'idle' | 'serving' | 'closing';

/** Why the service ended a connection that its client had not closed. */
export type CutReason =
  | 'refused'
  | 'evicted_silent'
  | 'evicted_closing'
  | 'evicted_idle'
  | 'evicted_slow'
  | 'silent'
  | 'closing'
  | 'idle'
  | 'unread';

export interface WatchedConnections {
  readonly max: number;
  counts(): Readonly<Record<ConnectionState, number>>;
}

/** Metrics of the connections of each listener. */
export class ConnectionMetrics {
  private readonly watched = new Map<Listener, WatchedConnections>();
  private readonly cuts: Counter<'listener' | 'reason'>;

  constructor(make: MetricFactory) {
    const { watched } = this;
    make.gauge(
      'connections',
      'Open connections by listener (main, probes) and state: silent (no complete request head yet), idle (between requests), serving, closing (after the last response).',
      ['listener', 'state'],
      (gauge) => {
        for (const [listener, connections] of watched)
          for (const [state, count] of Object.entries(connections.counts()))
            gauge.set({ listener, state }, count);
      },
    );
    make.gauge(
      'connections_limit',
      'Largest number of connections that a listener keeps open.',
      ['listener'],
      (gauge) => {
        for (const [listener, { max }] of watched) gauge.set({ listener }, max);
      },
    );
    this.cuts = make.counter(
      'connections_cut_total',
      'Connections that the service closed, by reason. At the limit: refused (a new one), or evicted_silent, evicted_closing, evicted_idle, evicted_slow (a connection that made room for a new one). Otherwise: silent or idle for too long, closing (still open after the last response), unread (the client read nothing of a response for a minute).',
      ['listener', 'reason'],
    );
  }

  /** Includes these connections in the metrics from now on. */
  watch(listener: Listener, connections: WatchedConnections): void {
    this.watched.set(listener, connections);
  }

  cut(listener: Listener, reason: CutReason): void {
    this.cuts.inc({ listener, reason });
  }
}
