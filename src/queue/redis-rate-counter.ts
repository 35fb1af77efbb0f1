import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import type { Logger } from '../log.ts';
import type { RateCounter } from '../resources/tenants/rate-limit.ts';
import { queueError } from './redis-command-client.ts';
import { failFastClient, keyPrefix, type RedisAddress } from './redis-connection.ts';

/** A running server accepts a connection within this time; an unavailable one must not delay the start. */
const FIRST_CONNECTION_MS = 500;

/**
 * A Lua script, which Redis runs atomically. ARGV: milliseconds. It counts the request and returns the time until the
 * window ends. A counter without an end gets a new one, and so does one whose end is too far ahead, because the clock
 * of Redis was put back.
 */
const COUNT = `
local current = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {current, left}`;

export interface RateCounterOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
}

/** Rates of all API processes together. They are counted with every request, and losing them does no harm. */
export class RedisRateCounter implements RateCounter {
  private readonly client: Redis | Cluster;
  private readonly prefix: string;

  private constructor(client: Redis | Cluster, prefix: string) {
    this.client = client;
    this.prefix = prefix;
  }

  /**
   * Connects, and keeps trying to do so indefinitely.
   * @throws ConfigError if the URL cannot be used
   */
  static async open({ address, prefix, logger }: RateCounterOptions): Promise<RedisRateCounter> {
    const client = failFastClient(address);
    client.on('error', (error: unknown) =>
      logger.warn({ err: error }, 'error on the connection of the rate counter'),
    );
    const ready = new Promise<void>((resolve) => client.once('ready', resolve));
    await Promise.race([ready, sleep(FIRST_CONNECTION_MS)]);
    return new RedisRateCounter(client, keyPrefix(address, prefix));
  }

  /** @throws AppError QUEUE_UNAVAILABLE or QUEUE_FULL, immediately if there is no connection */
  async count(key: string, windowMs: number): Promise<{ current: number; resetMs: number }> {
    try {
      const counted = await this.client.eval(COUNT, 1, `${this.prefix}:rate:${key}`, windowMs);
      const [current, resetMs] = counted as [number, number];
      return { current, resetMs };
    } catch (error) {
      throw queueError(error);
    }
  }

  close(): void {
    this.client.disconnect();
  }
}
