import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import type { Logger } from '../log.ts';
import type { Claim, ClaimStore, Fingerprint, StoredAnswer } from '../service/idempotency/claim-store.ts';
import type { RateCounter } from '../service/quotas/rate-counter.ts';
import { impatientClient, keyPrefix, type RedisAddress } from './connection.ts';
import { queueError } from './redis-questions.ts';
import { CLAIM, COUNT, RELEASE, REPLACE } from './shared-state-scripts.ts';

/** A server that is there takes a connection within this; one that is not must not hold up the start. */
const FIRST_CONNECTION_MS = 500;

export interface SharedStateOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
}

/** What a key of `ClaimStore` holds. The owner comes first: scripts look at the beginning. */
interface Held {
  readonly owner: string;
  readonly fingerprint: Fingerprint;
  readonly answer?: StoredAnswer;
}

/** What several API processes have to agree on, besides jobs. One key each, so that a cluster may spread them. */
export class RedisSharedState implements ClaimStore, RateCounter {
  private readonly client: Redis | Cluster;
  private readonly prefix: string;

  private constructor(client: Redis | Cluster, prefix: string) {
    this.client = client;
    this.prefix = prefix;
  }

  /** Connects, and goes on trying for ever. @throws ConfigError when the URL cannot be used */
  static async open({ address, prefix, logger }: SharedStateOptions): Promise<RedisSharedState> {
    const client = impatientClient(address);
    client.on('error', (error: unknown) => logger.warn({ err: error }, 'connection for shared state'));
    const ready = new Promise<void>((resolve) => client.once('ready', resolve));
    await Promise.race([ready, sleep(FIRST_CONNECTION_MS)]);
    return new RedisSharedState(client, keyPrefix(address, prefix));
  }

  async claim(key: string, owner: string, fingerprint: Fingerprint, leaseMs: number): Promise<Claim> {
    const held = await this.run<string | null>(
      CLAIM,
      `claim:${key}`,
      encode({ owner, fingerprint }),
      leaseMs,
    );
    if (held === null) return { state: 'ours' };
    const other = JSON.parse(held) as Held;
    const { answer } = other;
    return answer
      ? { state: 'answered', fingerprint: other.fingerprint, answer }
      : { state: 'in-flight', fingerprint: other.fingerprint };
  }

  hold(key: string, owner: string, fingerprint: Fingerprint, leaseMs: number): Promise<boolean> {
    return this.replace(key, { owner, fingerprint }, leaseMs);
  }

  settle(
    key: string,
    owner: string,
    fingerprint: Fingerprint,
    answer: StoredAnswer,
    keepMs: number,
  ): Promise<boolean> {
    return this.replace(key, { owner, fingerprint, answer }, keepMs);
  }

  async release(key: string, owner: string): Promise<void> {
    await this.run(RELEASE, `claim:${key}`, beginning(owner));
  }

  async count(key: string, windowMs: number): Promise<{ current: number; resetMs: number }> {
    const [current, resetMs] = await this.run<[number, number]>(COUNT, `rate:${key}`, windowMs);
    return { current, resetMs };
  }

  close(): void {
    this.client.disconnect();
  }

  private async replace(key: string, held: Held, forMs: number): Promise<boolean> {
    const { owner } = held;
    return (await this.run<number>(REPLACE, `claim:${key}`, beginning(owner), encode(held), forMs)) === 1;
  }

  /** @throws AppError QUEUE_UNAVAILABLE or QUEUE_FULL, at once where there is no connection */
  private async run<T>(script: string, key: string, ...values: (string | number)[]): Promise<T> {
    try {
      return (await this.client.eval(script, 1, `${this.prefix}:${key}`, ...values)) as T;
    } catch (error) {
      throw queueError(error);
    }
  }
}

const encode = ({ owner, fingerprint, answer }: Held): string =>
  JSON.stringify({ owner, fingerprint, ...(answer && { answer }) });

/** How the text of all that an owner holds begins. */
const beginning = (owner: string): string => JSON.stringify({ owner }).slice(0, -1);
