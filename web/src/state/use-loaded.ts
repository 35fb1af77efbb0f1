import { useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { keyEpoch } from './key.ts';
import { onTopicChange, type Topic } from './live.ts';

/** The state of something that is being loaded. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly problem: Problem | null;
  /** Loads again from the start; nothing is shown in the meantime. */
  readonly again: () => void;
  /** Loads again while the present value stays visible; resolves to the problem if that fails. */
  readonly refresh: () => Promise<Problem | null>;
}

interface State<T> {
  readonly value: T | null;
  readonly problem: Problem | null;
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const NOTHING = { value: null, problem: null };

/**
 * Loads something. Loads it again when `inputs` or the key change, and after news about one of the topics.
 * Responses that arrive too late are dropped.
 * @param load returns null if there is nothing to load yet
 * @param topics the topics whose news may change the value
 * @param everyMs the interval of further reads, for values that change in ways no event reports
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
        // An unchanged value is not rendered again.
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
        // The present value stays visible while the service is briefly unreachable.
        if (!isQuiet || !problem.retryable)
          setState(({ value }) => ({ value: isQuiet ? value : null, problem }));
        return problem;
      }
    }
    setState(NOTHING);
    void run(false);
    refresh.current = () => run(true);
    const stop = topics.length === 0 ? () => undefined : onTopicChange(topics, () => void run(true), everyMs);
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
