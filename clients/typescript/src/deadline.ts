import { LoraSqueezeError } from './errors.ts';
import type { CallOptions } from './types.ts';

/**
 * Does some work that a signal or a deadline ends.
 * @throws LoraSqueezeError DEADLINE_EXCEEDED; the signal's reason; what the work throws
 */
export async function within<T>(
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
    // Whatever an abort made of the work on its way, the caller wants to know why it was.
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

/** Waits. @throws the signal's reason when it fires meanwhile */
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
