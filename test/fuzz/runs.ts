import type { TestContext } from 'node:test';
import { SEED } from '../fast-check.ts';

/** FUZZ_TIMES=10 makes ten times as many cases. */
const TIMES = Number(process.env.FUZZ_TIMES ?? 1);

/** Parameters for fast-check, whose seed is printed with the test. */
export function runsOf(t: TestContext, cases: number): { readonly numRuns: number } {
  const numRuns = Math.ceil(cases * TIMES);
  t.diagnostic(`${numRuns} cases, FUZZ_SEED=${SEED}`);
  return { numRuns };
}
