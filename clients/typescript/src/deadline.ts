import { LoraSqueezeError } from './errors.ts';
import type { CallOptions } from './types.ts';

/**
 * Runs some work until a signal or a deadline ends it.
 * @throws LoraSqueezeError DEADLINE_EXCEEDED; the signal's reason; the errors of the work
 */
export async function withTimeout<T>(
  { signal, timeoutMs }: CallOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => controller.abort(tooLate(timeoutMs)), timeoutMs);
  try {
    return await work(controller.signal);
  } catch (error) {
    // Whatever error the abort caused inside the work, the caller gets the reason of the abort.
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

const tooLate = (timeoutMs: number): LoraSqueezeError =>
  new LoraSqueezeError({
    code: 'DEADLINE_EXCEEDED',
    detail: `It took longer than ${timeoutMs} ms.`,
    retryable: true,
  });

/** Waits. @throws the signal's reason if it is aborted meanwhile */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
