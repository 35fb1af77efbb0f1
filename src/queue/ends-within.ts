import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for something, but not for ever: what is closed may have to ask a Redis that is away.
 * @returns whether it ended in time; a failure is an end
 */
export async function endsWithin(done: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const tooLate = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false);
  const ended = done.then(
    () => true,
    () => true,
  );
  const isDone = await Promise.race([ended, tooLate]);
  timer.abort();
  return isDone;
}
