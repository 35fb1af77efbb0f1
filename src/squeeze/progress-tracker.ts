import { noPhaseSeconds, type PhaseSeconds } from '../compute/phase-seconds.ts';
import { PHASES, type Phase, type Timings } from '../contract/job.ts';
import type { JobContext } from './job-context.ts';

/** Tracks one job: its progress, the time spent in each phase, and cancellation. */
export class ProgressTracker {
  readonly signal: AbortSignal;
  readonly #phaseSeconds: PhaseSeconds = noPhaseSeconds();
  readonly #own: PhaseSeconds = noPhaseSeconds();
  readonly #stop = new AbortController();
  readonly #onProgress: JobContext['onProgress'];
  readonly #done = new Map<Phase, number>();
  #phase: Phase = 'load';
  #total = 0;

  constructor(onProgress: JobContext['onProgress'], signal: AbortSignal) {
    this.#onProgress = onProgress;
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Enters a phase, with the number of modules that this phase and the later ones will process. */
  begin(phase: Phase, total: number): void {
    this.#phase = phase;
    this.#total = total;
    this.#done.delete(phase);
    this.#report(null);
  }

  /** Notes that a module has completed a phase. Phases overlap, and the earliest unfinished one is reported. */
  moduleFinished(phase: Phase, module: string): void {
    this.#done.set(phase, this.#count(phase) + 1);
    while (this.#count(this.#phase) >= this.#total && this.#phase !== phase) {
      this.#phase = PHASES[PHASES.indexOf(this.#phase) + 1]!;
    }
    if (phase === this.#phase) this.#report(module);
  }

  addPhaseSeconds(phaseSeconds: PhaseSeconds): void {
    for (const phase of Object.keys(phaseSeconds) as (keyof PhaseSeconds)[])
      this.#phaseSeconds[phase] += phaseSeconds[phase];
  }

  /** Does some work on this thread and adds its duration to a phase. */
  async time<T>(phase: keyof PhaseSeconds, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      return await work();
    } finally {
      this.#own[phase] += (performance.now() - startedMs) / 1000;
    }
  }

  /** Seconds by phase: the work of the compute threads divided by their number, plus the work of this thread. */
  timings(threads: number, totalSeconds: number): Timings {
    const seconds = (phase: keyof PhaseSeconds): number =>
      this.#phaseSeconds[phase] / threads + this.#own[phase];
    return {
      queue_wait: 0,
      load: seconds('load'),
      gram: seconds('gram'),
      core: seconds('core'),
      project: seconds('project'),
      write: seconds('write'),
      total: totalSeconds,
    };
  }

  /**
   * Waits for all of some work. After the first failure, work that has not begun is skipped; the failure is thrown at
   * the end.
   */
  async all(work: readonly Promise<void>[]): Promise<void> {
    const guarded = work.map((promise) =>
      promise.catch((error: unknown) => {
        this.#stop.abort();
        throw error;
      }),
    );
    const outcomes = await Promise.allSettled(guarded);
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
    // Tasks that were cancelled because of another failure do not show the cause.
    const cause = failures.find((reason) => reason?.code !== 'CANCELLED') ?? failures[0];
    if (cause) throw cause;
  }

  #count(phase: Phase): number {
    return this.#done.get(phase) ?? 0;
  }

  #report(module: string | null): void {
    this.#onProgress({ phase: this.#phase, done: this.#count(this.#phase), total: this.#total, module });
  }
}
