import { mainCells, missingCells, sweepCells } from './cells.ts';
import { choosePeaks } from './choose-peaks.ts';
import type { BaseScore, Cell, Peaks, Plan, Results, Score } from './results.ts';
import { runAll, runWorker } from './workers.ts';

export type Trained = Omit<Results, 'facts'>;

export interface Experiment {
  readonly plan: Plan;
  /** Scores of an earlier run of the same plan; what is there is not trained again. */
  readonly earlier: Pick<Trained, 'scores' | 'bases'>;
  /** Of the service that squeezes. */
  readonly url: string;
  /** Workers at a time. */
  readonly workers: number;
  /** Progress, for whoever waits. */
  say(line: string): void;
  /** Keeps what there is so far; called whenever a seed is through. */
  save(trained: Trained): Promise<void>;
}

/** Chooses learning rates on the seeds of the sweep, then trains everything on the seeds to compare. */
export async function runExperiment(experiment: Experiment): Promise<Trained> {
  const { plan, earlier } = experiment;
  const scores = [...earlier.scores];
  const bases = [...earlier.bases];
  let peaks: Peaks = {};
  const train = (seeds: readonly number[], cells: readonly Cell[]) =>
    runAll(seeds, experiment.workers, async (seed) => {
      const missing = missingCells(cells, seed, scores);
      if (missing.length === 0) return;
      experiment.say(`seed ${seed}: ${missing.length} to train …`);
      await runWorker({ url: experiment.url, seed, plan, cells: missing }, (value) => {
        const found = value as Score | BaseScore;
        if (!('base' in found)) {
          scores.push(found);
          experiment.say(`seed ${seed}: ${describe(found)}`);
        } else if (!bases.some((base) => base.seed === seed)) bases.push(found);
      });
      await experiment.save({ plan, peaks, scores, bases });
    });

  await train(plan.sweep_seeds, sweepCells(plan));
  peaks = choosePeaks(scores, plan);
  await train(plan.seeds, mainCells(plan, peaks));
  return { plan, peaks, scores, bases };
}

const describe = ({ phase, method, variant, rank, peak, accuracy }: Score) =>
  `${phase}, ${method} (${variant}) rank ${rank}, rate ${peak}: ${accuracy.toFixed(2)} %`;
