import { mean } from './paired.ts';
import type { Cell, Score, Settings } from './results.ts';

/** The key under which the settings of a cell are stored. */
export const settingsKey = ({ method, rank }: Pick<Score, 'method' | 'rank'>): string => `${method}/${rank}`;

/** For every method and rank in the sweep, the settings with the best mean accuracy over the seeds of the sweep. */
export function chooseSettings(scores: readonly Score[]): Settings {
  const swept = scores.filter(({ phase }) => phase === 'sweep');
  const chosen: Record<string, Pick<Cell, 'peak' | 'power'>> = {};
  for (const [key, own] of groups(swept, settingsKey)) {
    const tried = [...groups(own, ({ peak, power }) => `${peak}/${power}`).values()].map((found) => ({
      first: found[0]!,
      accuracy: mean(found.map(({ accuracy }) => accuracy)),
    }));
    const { peak, power } = tried.reduce((best, each) => (each.accuracy > best.accuracy ? each : best)).first;
    chosen[key] = power === undefined ? { peak } : { peak, power };
  }
  return chosen;
}

function groups<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const value of values) found.set(key(value), [...(found.get(key(value)) ?? []), value]);
  return found;
}
