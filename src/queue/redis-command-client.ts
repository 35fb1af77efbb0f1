import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { AppError } from '../errors/app-error.ts';
import { COMMAND_TIMEOUT_MS, failFastClient, type RedisAddress } from './redis-connection.ts';

/** The part of COMMAND_TIMEOUT_MS that is reserved for the answer to the caller. */
const RECONNECT_WAIT_MS = 500;

/** A connection for calls for which a client waits: every command is answered or fails within a second. */
export class RedisCommandClient {
  readonly client: Redis | Cluster;
  private lastError: unknown;

  /** @throws ConfigError if the URL cannot be used */
  constructor(address: RedisAddress) {
    this.client = failFastClient(address);
    // Without a listener, an error would end the process.
    this.client.on('error', (error: unknown) => {
      this.lastError = error;
    });
  }

  /**
   * @throws AppError QUEUE_UNAVAILABLE if Redis fails or does not answer in time, QUEUE_FULL if it has no memory left
   */
  async run<T>(question: () => Promise<T>): Promise<T> {
    const askedMs = performance.now();
    try {
      await this.connected();
      return await withCommandTimeout(COMMAND_TIMEOUT_MS - (performance.now() - askedMs), question());
    } catch (error) {
      throw queueError(error);
    }
  }

  /** Closes the connection, even one that was never established; BullMQ alone would wait for that. */
  close(): void {
    this.client.disconnect();
  }

  /** Waits briefly for a lost connection, because one that comes back at once is not a failure. */
  private async connected(): Promise<void> {
    const deadline = performance.now() + RECONNECT_WAIT_MS;
    while (this.client.status !== 'ready') {
      if (performance.now() > deadline) throw this.lastError ?? new Error('not connected');
      await sleep(20);
    }
  }
}

class CommandTimeout extends Error {}

/** @throws CommandTimeout if there is no answer in time */
export async function withCommandTimeout<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => reject(new CommandTimeout(`no answer within ${Math.round(timeoutMs)} ms`));
    // The timer is deferred for the same reason as in fix-command-timeout.ts.
    timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A failed command to Redis as an AppError: QUEUE_FULL if it has no memory left, otherwise QUEUE_UNAVAILABLE. The
 * message does not contain the address of Redis, because clients may see it.
 */
export function queueError(error: unknown): AppError {
  const {
    code,
    name,
    message = String(error),
  } = error as { code?: unknown; name?: string; message?: string };
  const unavailable = (detail: string) =>
    new AppError('QUEUE_UNAVAILABLE', `${detail}.`, {}, { cause: error });
  if (/\bOOM command not allowed/.test(message))
    return new AppError(
      'QUEUE_FULL',
      'Redis has no memory left for more jobs: its maxmemory is reached.',
      {},
      { cause: error },
    );
  if (error instanceof CommandTimeout || message === 'Command timed out')
    return unavailable(
      `Redis does not answer: ${error instanceof CommandTimeout ? message : 'a command timed out'}`,
    );
  if (typeof code === 'string') return unavailable(`Redis cannot be reached: ${code}`);
  if (name === 'ReplyError') return unavailable(`Redis refused the command: ${message.replace(/\.$/, '')}`);
  // These messages quote a server, a sentinel or a node of a cluster, including its address.
  if (message.startsWith('All sentinels are unreachable'))
    return unavailable('Redis cannot be reached: no sentinel can be reached');
  if (message.startsWith('Too many Cluster redirections'))
    return unavailable('Redis cannot be reached: the cluster has no master for the queue');
  return unavailable(`Redis cannot be reached: ${message}`);
}

/**
 * Waits for something for a limited time, because closing may depend on a Redis that is unavailable.
 * @returns whether it ended in time, with or without a failure
 */
export const settlesWithin = (done: Promise<unknown>, timeoutMs: number): Promise<boolean> =>
  withCommandTimeout(timeoutMs, done).then(
    () => true,
    (error: unknown) => !(error instanceof CommandTimeout),
  );
