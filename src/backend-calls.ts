/** The systems that the service depends on. */
export type Backend = 'storage' | 'database' | 'redis';

/** Something that happened between the service and a backend, to be counted. Operations are a small, fixed set. */
export type BackendEvent =
  | {
      readonly backend: Backend;
      readonly operation: string;
      readonly seconds: number;
      readonly failed: boolean;
    }
  /** Requests that were repeated, by this service or by the client library. */
  | { readonly backend: Backend; readonly retries: number }
  /** Whether content of the storage was already in the local cache. */
  | { readonly isCached: boolean };

/** Called for each event. It must not throw. */
export type ObserveBackend = (event: BackendEvent) => void;

/**
 * Makes a call and reports its duration.
 * @param observe undefined if the calls are not observed
 * @param isFault whether an error is the backend's own; default: all are
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
