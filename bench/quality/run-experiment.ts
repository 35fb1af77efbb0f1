import { choosePeaks } from './choose-peaks.ts';
import type { BaseScore, Peaks, Plan, Results, Score } from './results.ts';
import { runAll, runWorker } from './workers.ts';

export interface Experiment {
  readonly plan: Plan;
  /** Of the service that squeezes. */
  readonly url: string;
  /** Workers at a time. */
  readonly workers: number;
  /** Progress, for whoever waits. */
  say(line: string): void;
}

/** Chooses learning rates on the seeds of the sweep, then trains everything on the seeds to compare. */
export async function runExperiment(experiment: Experiment): Promise<Omit<Results, 'facts'>> {
  const { plan } = experiment;
  const scores: Score[] = [];
  const bases: BaseScore[] = [];
  const train = (phase: Score['phase'], seeds: readonly number[], peaks: Peaks) =>
    runAll(seeds, experiment.workers, async (seed) => {
      experiment.say(`${phase}: seed ${seed} …`);
      await runWorker({ url: experiment.url, phase, seed, plan, peaks }, (value) => {
        const found = value as Score | BaseScore;
        if ('base' in found) bases.push(found);
        else {
          scores.push(found);
          experiment.say(
            `${found.phase}: seed ${seed}, ${found.method} rank ${found.rank}: ${found.accuracy.toFixed(2)} %`,
          );
        }
      });
    });

  await train('sweep', plan.sweep_seeds, {});
  const peaks = choosePeaks(scores, plan);
  await train('main', plan.seeds, peaks);
  return { plan, peaks, scores, bases };
}
