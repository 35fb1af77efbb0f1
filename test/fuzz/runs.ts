import type { TestContext } from 'node:test';

/** FUZZ_SEED repeats a run that was printed; without it every run is another one. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** FUZZ_TIMES=10 makes ten times as many cases. */
const TIMES = Number(process.env.FUZZ_TIMES ?? 1);

/** Parameters for fast-check, which are printed with the test. */
export function runsOf(t: TestContext, cases: number): { readonly seed: number; readonly numRuns: number } {
  const numRuns = Math.ceil(cases * TIMES);
  t.diagnostic(`${numRuns} cases, FUZZ_SEED=${SEED}`);
  return { seed: SEED, numRuns };
}
