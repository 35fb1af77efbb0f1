import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors/app-error.ts';

/** How often something is tried within one transfer; after that the job as a whole may be tried again. */
export const MAX_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;

/** Whether the other side may do better next time. */
export const isTransient = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'OUTBOUND_FAILED';

/**
 * Waits before the next attempt: twice as long each time, and not in step with others.
 * @param failures so far, from 1
 * @throws the signal's reason
 */
export async function pauseBeforeRetry(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const pauseMs = FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + Math.random());
  await sleep(pauseMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  signal?.throwIfAborted();
}

/** Does what may be done several times until it succeeds, fails for good, or failed MAX_ATTEMPTS times. */
export async function retrying<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
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
