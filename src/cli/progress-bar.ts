import cliProgress from 'cli-progress';
import type { StepProgress } from './engine.ts';

const WHOLE = 100;
const BAR_CHARACTERS = 30;
const FORMAT = '{name} [{bar}] {percentage} % {step}';

/** Progress on standard error where that is a terminal; elsewhere nothing. One bar for each task. */
export class ProgressBar {
  readonly #steps: readonly string[];
  readonly #bar: cliProgress.SingleBar | undefined;
  #value = 0;

  /**
   * @param name what the bar is about
   * @param steps of the engine: each is the same part of the bar
   */
  constructor(name: string, steps: readonly string[]) {
    this.#steps = steps;
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
    this.#bar.start(WHOLE, 0, { name, step: steps[0] });
  }

  /** Takes what an engine reports; the bar never goes back. */
  update({ step, done, total }: StepProgress): void {
    const index = this.#steps.indexOf(step);
    if (!this.#bar || index < 0) return;
    const share = total > 0 ? done / total : 0;
    this.#value = Math.max(this.#value, Math.floor((WHOLE * (index + share)) / this.#steps.length));
    this.#bar.update(this.#value, { step });
  }

  /** Takes the bar off the terminal. */
  close(): void {
    this.#bar?.stop();
  }
}
