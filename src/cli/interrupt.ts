import { type EndingSignal, Interrupted } from './command-error.ts';

const SIGNALS: readonly EndingSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Does some work that a signal can stop: its AbortSignal is aborted with Interrupted, and the work is awaited while
 * it cleans up. A second signal ends the process at once, as it would without this function.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => controller.abort(new Interrupted(name as EndingSignal));
  for (const name of SIGNALS) process.once(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
