/** What the service depends on, and asks all the time. */
export type Backend = 'storage' | 'database' | 'redis';

/** Something that happened between the service and a backend, for those who count it. Operations are a small, fixed set. */
export type BackendEvent =
  | {
      readonly backend: Backend;
      readonly operation: string;
      readonly seconds: number;
      readonly failed: boolean;
    }
  /** What was sent once more, by ourselves or by the library that asks. */
  | { readonly backend: Backend; readonly retries: number }
  /** Whether content of the storage lay in the local cache already. */
  | { readonly isCached: boolean };

/** Called for each; it does not fail. */
export type ObserveBackend = (event: BackendEvent) => void;

/**
 * Does a call and reports how long it took.
 * @param observe undefined if the calls are not observed
 * @param isFault whether an error is the backend's own; default: each is
 */
export async function observedCall<T>(
  observe: ObserveBackend | undefined,
  backend: Backend,
  operation: string,
  call: () => Promise<T>,
  isFault: (error: unknown) => boolean = () => true,
): Promise<T> {
  if (!observe) return call();
  const startMs = performance.now();
  const report = (failed: boolean): void =>
    observe({ backend, operation, seconds: (performance.now() - startMs) / 1000, failed });
  try {
    const answer = await call();
    report(false);
    return answer;
  } catch (error) {
    report(isFault(error));
    throw error;
  }
}
