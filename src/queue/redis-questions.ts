import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { COMMAND_TIMEOUT_MS, impatientClient, type RedisAddress } from './connection.ts';

/** What is left of COMMAND_TIMEOUT_MS after it is time for an answer. */
const RECONNECT_WAIT_MS = 500;

/** A connection for those whom a client waits for: every question is answered or fails within a second. */
export class RedisQuestions {
  readonly client: Redis | Cluster;
  private lastError: unknown;

  /** @throws ConfigError when the URL cannot be used */
  constructor(address: RedisAddress) {
    this.client = impatientClient(address);
    // Without a listener it would end the process.
    this.client.on('error', (error: unknown) => {
      this.lastError = error;
    });
  }

  /** @throws AppError QUEUE_UNAVAILABLE when Redis fails, or has not answered in time */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    const askedMs = performance.now();
    try {
      await this.connected();
      return await within(COMMAND_TIMEOUT_MS - (performance.now() - askedMs), question());
    } catch (error) {
      throw new AppError(
        'QUEUE_UNAVAILABLE',
        `The queue cannot be reached: ${reasonOf(error)}.`,
        {},
        { cause: error },
      );
    }
  }

  /** Also a connection that never came about: BullMQ alone would wait for that. */
  close(): void {
    this.client.disconnect();
  }

  /** A connection that comes back at once is no reason to fail. */
  private async connected(): Promise<void> {
    const deadline = performance.now() + RECONNECT_WAIT_MS;
    while (this.client.status !== 'ready') {
      if (performance.now() > deadline) throw this.lastError ?? new Error('not connected');
      await sleep(20);
    }
  }
}

/** @throws Error when there is no answer in time */
export async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong, without the address of Redis: the message may go to clients. */
function reasonOf(error: unknown): string {
  const { code, message = String(error) } = error as { code?: unknown; message?: string };
  if (typeof code === 'string') return code;
  // These quote what a server, a sentinel or a node of a cluster had to say, with its address.
  if (message.startsWith('All sentinels are unreachable')) return 'no sentinel can be reached';
  if (message.startsWith('Too many Cluster redirections')) return 'the cluster has no master for the queue';
  return message;
}
