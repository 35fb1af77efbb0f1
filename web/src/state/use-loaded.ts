import { useEffect, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { keyEpoch } from './key.ts';

/** Something on its way. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly problem: Problem | null;
  readonly again: () => void;
}

/**
 * Loads something, and again when `inputs` or the key change; what comes too late is dropped.
 * @param load gives null where there is nothing to ask for yet
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T> | null,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; problem: Problem | null }>({
    value: null,
    problem: null,
  });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState({ value: null, problem: null });
    load(controller.signal)?.then(
      (value) => !controller.signal.aborted && setState({ value, problem: null }),
      (error: unknown) => !controller.signal.aborted && setState({ value: null, problem: problemOf(error) }),
    );
    return () => controller.abort();
  }, [...inputs, attempt, keyEpoch.value]);
  return { ...state, again: () => setAttempt((count) => count + 1) };
}
