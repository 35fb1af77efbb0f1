import { Counter, Gauge, type Registry } from 'prom-client';

/** `probes`: the one at PROBE_PORT. */
export type Listener = 'main' | 'probes';

/**
 * What a connection is doing. `silent`: it has not sent a complete request head yet; `idle`: it is kept alive between
 * requests; `serving`: a request is being received or answered; `closing`: it has had its last answer, and its client
 * is given time to read it.
 */
export type ConnectionState = 'silent' | 'idle' | 'serving' | 'closing';

/** Why the service ended a connection that its client had not ended. */
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

/** The connections of each listener. */
export class ConnectionMetrics {
  private readonly watched = new Map<Listener, WatchedConnections>();
  private readonly cuts: Counter<'listener' | 'reason'>;

  constructor(registry: Registry) {
    const { watched } = this;
    const registers = [registry];
    new Gauge({
      name: 'lora_squeeze_connections',
      help: 'Open connections by listener (main, probes) and state: silent (no complete request head yet), idle (between requests), serving, closing (after the last response).',
      labelNames: ['listener', 'state'],
      registers,
      collect() {
        for (const [listener, connections] of watched)
          for (const [state, count] of Object.entries(connections.counts()))
            this.set({ listener, state }, count);
      },
    });
    new Gauge({
      name: 'lora_squeeze_connections_limit',
      help: 'Largest number of connections of a listener.',
      labelNames: ['listener'],
      registers,
      collect() {
        for (const [listener, { max }] of watched) this.set({ listener }, max);
      },
    });
    this.cuts = new Counter({
      name: 'lora_squeeze_connections_cut_total',
      help: 'Connections that the service closed, by reason. At the limit: refused (a new one), or evicted_silent, evicted_closing, evicted_idle, evicted_slow (one that made room for a new one). Otherwise: silent or idle for too long, closing (still open after the last response), unread (the client read nothing of a response for a minute).',
      labelNames: ['listener', 'reason'],
      registers,
    });
  }

  /** From now on these are shown. */
  watch(listener: Listener, connections: WatchedConnections): void {
    this.watched.set(listener, connections);
  }

  cut(listener: Listener, reason: CutReason): void {
    this.cuts.inc({ listener, reason });
  }
}
