import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors/app-error.ts';

/** The most attempts within one transfer; after that, the whole job may be retried. */
export const MAX_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;

/** Whether another attempt may succeed. */
export const isTransient = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'OUTBOUND_FAILED';

/**
 * Waits before the next attempt: twice as long each time, with a random part, so that clients do not retry in step.
 * @param failures the number of failures so far, at least 1
 * @throws the reason of the signal
 */
export async function pauseBeforeRetry(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const pauseMs = FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + Math.random());
  await sleep(pauseMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  signal?.throwIfAborted();
}

/**
 * Repeats work until it succeeds, fails permanently, or has failed MAX_ATTEMPTS times. Repeating it must be harmless.
 */
export async function withRetries<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTransient(error) || failures === MAX_ATTEMPTS) throw error;
    }
    await pauseBeforeRetry(failures, signal);
  }
}
