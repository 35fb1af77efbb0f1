import { mean } from './paired.ts';
import type { Peaks, Plan, Score } from './results.ts';

/** The name under which a score's learning rate is kept. */
export const peakKey = ({ method, rank }: Pick<Score, 'method' | 'rank'>): string => `${method}/${rank}`;

/** For every method and rank, the learning rate with the best accuracy, in the mean over the seeds of the sweep. */
export function choosePeaks(scores: readonly Score[], plan: Plan): Peaks {
  const chosen: Record<string, number> = {};
  for (const key of new Set(scores.filter(({ phase }) => phase === 'sweep').map(peakKey))) {
    const own = scores.filter((score) => score.phase === 'sweep' && peakKey(score) === key);
    const tried = plan.peaks
      .map((peak) => ({ peak, found: own.filter((score) => score.peak === peak) }))
      .filter(({ found }) => found.length > 0)
      .map(({ peak, found }) => ({ peak, accuracy: mean(found.map(({ accuracy }) => accuracy)) }));
    chosen[key] = tried.reduce((best, each) => (each.accuracy > best.accuracy ? each : best)).peak;
  }
  return chosen;
}
