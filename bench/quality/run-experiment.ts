import { mainCells, missingCells, sweepCells, tunedCells } from './cells.ts';
import { chooseSettings } from './choose-settings.ts';
import type { BaseScore, Cell, Plan, Results, Score, Settings } from './results.ts';
import { runAll, runWorker } from './workers.ts';

export type Trained = Omit<Results, 'facts'>;

export interface Experiment {
  readonly plan: Plan;
  /** Scores of an earlier run of the same plan, which are not trained again. */
  readonly earlier: Pick<Trained, 'scores' | 'bases'>;
  /** URL of the service that squeezes. */
  readonly url: string;
  /** Number of workers at the same time. */
  readonly workers: number;
  /** Reports progress to the person who is waiting. */
  say(line: string): void;
  /** Saves the results so far; called after each seed. */
  save(trained: Trained): Promise<void>;
}

/** Chooses settings on the seeds of the sweep, then trains everything on the seeds to compare. */
export async function runExperiment(experiment: Experiment): Promise<Trained> {
  const { plan, earlier } = experiment;
  const scores = [...earlier.scores];
  const bases = [...earlier.bases];
  let settings: Settings = {};
  const train = (seeds: readonly number[], cells: readonly Cell[]) =>
    runAll(seeds, experiment.workers, async (seed) => {
      const missing = missingCells(cells, seed, scores);
      if (missing.length === 0) return;
      experiment.say(`${plan.task}, seed ${seed}: ${missing.length} to train …`);
      await runWorker({ url: experiment.url, seed, plan, cells: missing }, (value) => {
        const found = value as Score | BaseScore;
        if (!('base' in found)) {
          scores.push(found);
          experiment.say(`${plan.task}, seed ${seed}: ${describe(found)}`);
        } else if (!bases.some((base) => base.seed === seed)) bases.push(found);
      });
      await experiment.save({ plan, settings, scores, bases });
    });

  await train(plan.sweep_seeds, sweepCells(plan));
  await train(plan.sweep_seeds, tunedCells(plan, chooseSettings(scores)));
  settings = chooseSettings(scores);
  await train(plan.seeds, mainCells(plan, settings));
  return { plan, settings, scores, bases };
}

const describe = ({ phase, method, rank, peak, power, accuracy }: Score) =>
  `${phase}, ${method} rank ${rank}, rate ${peak}${power === undefined ? '' : `, power ${power.toFixed(2)}`}: ` +
  `${accuracy.toFixed(2)} %`;
