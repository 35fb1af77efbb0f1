import type { Cluster, Redis } from 'ioredis';
import { impatientClient, keyPrefix, type RedisAddress } from './connection.ts';
import { cancelKey } from './job-types.ts';

/** A cancelled job goes on for this long at most before it is told; then it stops at its next module. */
const INTERVAL_MS = 300;

export interface CancelWatchOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  /** Called for a job that was cancelled, until it is forgotten. */
  readonly onCancelled: (jobId: string) => void;
}

/**
 * Looks whether the jobs that run here were cancelled. A mark in Redis that is looked for survives lost connections,
 * where a message would be missed; without Redis a cancelled job runs to its end, and its results are dropped.
 */
export class CancelWatch {
  private readonly options: CancelWatchOptions;
  private readonly prefix: string;
  private readonly running = new Set<string>();
  private client: Redis | Cluster | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: CancelWatchOptions) {
    this.options = options;
    this.prefix = keyPrefix(options.address, options.prefix);
  }

  watch(jobId: string): void {
    this.running.add(jobId);
    this.client ??= this.connect();
    this.timer ??= setInterval(() => void this.look(), INTERVAL_MS);
  }

  forget(jobId: string): void {
    this.running.delete(jobId);
    if (this.running.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  close(): void {
    clearInterval(this.timer);
    this.client?.disconnect();
  }

  private connect(): Redis | Cluster {
    const client = impatientClient(this.options.address);
    // The worker's own connection tells of trouble already.
    client.on('error', () => undefined);
    return client;
  }

  private async look(): Promise<void> {
    const jobIds = [...this.running];
    const marks = await Promise.all(
      jobIds.map((jobId) => this.client!.get(cancelKey(this.prefix, jobId)).catch(() => null)),
    );
    for (const [i, mark] of marks.entries()) if (mark !== null) this.options.onCancelled(jobIds[i]!);
  }
}
