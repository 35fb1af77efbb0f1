import { useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { keyEpoch } from './key.ts';
import { onNews, type Topic } from './live.ts';

/** Something on its way. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly problem: Problem | null;
  /** Loads from the beginning: nothing is shown meanwhile. */
  readonly again: () => void;
  /** Loads, while what is there stays in view; gives what kept it from that. */
  readonly refresh: () => Promise<Problem | null>;
}

interface State<T> {
  readonly value: T | null;
  readonly problem: Problem | null;
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const NOTHING = { value: null, problem: null };

/**
 * Loads something, and again when `inputs` or the key change or something happens to one of the topics; what comes too
 * late is dropped.
 * @param load gives null where there is nothing to ask for yet
 * @param topics what news are about that change it
 * @param everyMs how often it is read besides, where no event tells of all that changes it
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T> | null,
  inputs: readonly unknown[],
  topics: readonly Topic[] = [],
  everyMs?: number,
): Loaded<T> {
  const [state, setState] = useState<State<T>>(NOTHING);
  const [attempt, setAttempt] = useState(0);
  const newest = useRef(load);
  newest.current = load;
  const refresh = useRef(async (): Promise<Problem | null> => null);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let asked = 0;
    let answered = 0;
    async function run(isQuiet: boolean): Promise<Problem | null> {
      const turn = ++asked;
      const isLate = () => signal.aborted || turn < answered;
      try {
        const value = await newest.current(signal);
        if (isLate()) return null;
        answered = turn;
        // What is as before is not drawn again.
        if (value !== null)
          setState((before) =>
            isQuiet && before.problem === null && isSame(before.value, value)
              ? before
              : { value, problem: null },
          );
        return null;
      } catch (error) {
        const problem = problemOf(error);
        if (isLate()) return null;
        // What is shown stays true enough while the service cannot be asked for a moment.
        if (!isQuiet || !problem.retryable)
          setState(({ value }) => ({ value: isQuiet ? value : null, problem }));
        return problem;
      }
    }
    setState(NOTHING);
    void run(false);
    refresh.current = () => run(true);
    const stop = topics.length === 0 ? () => undefined : onNews(topics, () => void run(true), everyMs);
    return () => {
      controller.abort();
      stop();
    };
  }, [...inputs, topics.join(), attempt, keyEpoch.value]);
  return {
    ...state,
    again: () => setAttempt((count) => count + 1),
    refresh: () => refresh.current(),
  };
}
