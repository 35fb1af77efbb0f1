import cliProgress from 'cli-progress';
import { counted } from '../errors/counted.ts';
import type { StepProgress } from './engine.ts';
import { describePhase, timeLeft } from './phases.ts';

const WHOLE = 100;
const BAR_CHARACTERS = 30;
const FORMAT = '{name} [{bar}] {percentage} % {what}';

/** A progress bar on standard error if that is a terminal; otherwise nothing. */
export class ShareBar {
  readonly #name: string;
  readonly #begunAtMs = performance.now();
  #bar: cliProgress.SingleBar | undefined;
  #value = 0;
  #what: string;

  /** @param name the subject of the bar */
  constructor(name: string, what: string) {
    this.#name = name;
    this.#what = what;
    this.#show();
  }

  /**
   * Sets the share, which never decreases, and shows the remaining time.
   * @param share the share that is done, 0 to 1
   */
  set(share: number, what: string): void {
    this.#value = Math.max(this.#value, Math.floor(WHOLE * share));
    const left = timeLeft(performance.now() - this.#begunAtMs, this.#value / WHOLE);
    this.#what = left === '' ? what : `${what}, ${left}`;
    this.#bar?.update(this.#value, { what: this.#what });
  }

  /** Removes the bar from the terminal while something else is written there. */
  aside<T>(write: () => T): T {
    this.close();
    try {
      return write();
    } finally {
      this.#show();
    }
  }

  /** Removes the bar from the terminal. */
  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #show(): void {
    if (!process.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      format: FORMAT,
      barsize: BAR_CHARACTERS,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
      // The command ends the bar itself when a signal arrives.
      gracefulExit: false,
    });
    this.#bar.start(WHOLE, this.#value, { name: this.#name, what: this.#what });
  }
}

/** Receives the progress of one task. */
export interface TaskProgress {
  update(progress: StepProgress): void;
  close(): void;
}

/**
 * @param steps of the engine, with equal weights @returns the share that is done, 0 to 1; undefined if the step is
 *   not one of them
 */
function shareOf({ step, done, total }: StepProgress, steps: readonly string[]): number | undefined {
  const index = steps.indexOf(step);
  return index < 0 ? undefined : (index + (total > 0 ? done / total : 0)) / steps.length;
}

/** Progress of one task. */
export class ProgressBar implements TaskProgress {
  readonly #steps: readonly string[];
  readonly #bar: ShareBar;

  constructor(name: string, steps: readonly string[]) {
    this.#steps = steps;
    this.#bar = new ShareBar(name, describePhase(steps[0] ?? ''));
  }

  update(progress: StepProgress): void {
    const share = shareOf(progress, this.#steps);
    if (share !== undefined) this.#bar.set(share, describePhase(progress.step));
  }

  close(): void {
    this.#bar.close();
  }
}

/** The progress of several tasks, some of which run at the same time: one bar for all of them. */
export class MultiTaskProgress {
  readonly #steps: readonly string[];
  readonly #count: number;
  readonly #bar: ShareBar;
  #ended = 0;
  /** The shares of running tasks. */
  readonly #underWay = new Map<TaskProgress, number>();

  constructor(count: number, steps: readonly string[]) {
    this.#steps = steps;
    this.#count = count;
    this.#bar = new ShareBar(counted(count, 'adapter'), 'none is done yet');
  }

  /** Adds a task and returns its progress; the task has ended when that is closed. */
  task(): TaskProgress {
    const task: TaskProgress = {
      update: (progress) => {
        const share = shareOf(progress, this.#steps);
        if (share === undefined) return;
        this.#underWay.set(task, share);
        this.#showProgress();
      },
      close: () => {
        this.#underWay.delete(task);
        this.#ended++;
        this.#showProgress();
      },
    };
    return task;
  }

  /** As ShareBar.aside. */
  aside<T>(write: () => T): T {
    return this.#bar.aside(write);
  }

  close(): void {
    this.#bar.close();
  }

  #showProgress(): void {
    const begun = [...this.#underWay.values()].reduce((sum, share) => sum + share, 0);
    this.#bar.set((this.#ended + begun) / this.#count, `${this.#ended} done`);
  }
}
