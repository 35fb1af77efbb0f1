import cliProgress from 'cli-progress';
import type { StepProgress } from './engine.ts';
import { phaseWords, timeLeft } from './phases.ts';

const WHOLE = 100;
const BAR_CHARACTERS = 30;
const FORMAT = '{name} [{bar}] {percentage} % {what}';

/** How far something is, on standard error where that is a terminal; elsewhere nothing. */
export class ShareBar {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #begunAtMs = performance.now();
  #value = 0;

  /** @param name what the bar is about */
  constructor(name: string, what: string) {
    if (!process.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      format: FORMAT,
      barsize: BAR_CHARACTERS,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
      // The command ends it itself when a signal comes.
      gracefulExit: false,
    });
    this.#bar.start(WHOLE, 0, { name, what });
  }

  /** Tells how long it still takes, too; the bar never goes back. @param share what is done, 0 to 1 */
  set(share: number, what: string): void {
    if (!this.#bar) return;
    this.#value = Math.max(this.#value, Math.floor(WHOLE * share));
    const left = timeLeft(performance.now() - this.#begunAtMs, this.#value / WHOLE);
    this.#bar.update(this.#value, { what: left === '' ? what : `${what}, ${left}` });
  }

  /** Takes the bar off the terminal. */
  close(): void {
    this.#bar?.stop();
  }
}

/** Progress of one task. */
export class ProgressBar {
  readonly #steps: readonly string[];
  readonly #bar: ShareBar;

  /** @param steps of the engine: each is the same part of the bar */
  constructor(name: string, steps: readonly string[]) {
    this.#steps = steps;
    this.#bar = new ShareBar(name, phaseWords(steps[0] ?? ''));
  }

  /** Takes what an engine reports. */
  update({ step, done, total }: StepProgress): void {
    const index = this.#steps.indexOf(step);
    if (index < 0) return;
    this.#bar.set((index + (total > 0 ? done / total : 0)) / this.#steps.length, phaseWords(step));
  }

  /** Takes the bar off the terminal. */
  close(): void {
    this.#bar.close();
  }
}
