import type { Swept } from './swept.ts';

/** One sweep: what it goes by, and what it has found out. */
export interface Sweep {
  /** When it began. What expires later is left for the next one. */
  readonly startMs: number;
  /** `startMs` without the grace: what was released since then may be about to be referred to again. */
  readonly cutoffMs: number;
  readonly swept: Swept;
}
