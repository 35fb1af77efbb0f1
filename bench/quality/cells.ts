import { settingsKey } from './choose-settings.ts';
import { type Cell, METHODS, type Plan, type Score, SETTINGS_OF, type Settings } from './results.ts';

/** Every method at every rank with every learning rate. */
export function sweepCells(plan: Plan): Cell[] {
  return methodCells(plan)
    .filter(({ method }) => method !== 'in_tuned' && !(method in SETTINGS_OF))
    .flatMap((cell) => {
      const factor = cell.method === 'direct' ? (plan.direct_factors[cell.rank] ?? 1) : 1;
      return plan.peaks.map((peak) => ({ ...cell, phase: 'sweep' as const, peak: peak * factor }));
    });
}

/** In-Squeeze with the learning rate chosen for it, and with other factors. */
export function tunedCells(plan: Plan, settings: Settings): Cell[] {
  return methodCells(plan)
    .filter(({ method }) => method === 'in_tuned')
    .flatMap((cell) => {
      const { peak } = settings[settingsKey({ ...cell, method: 'in' })]!;
      return plan.powers.map((power) => ({ ...cell, phase: 'sweep' as const, peak, power }));
    });
}

/** Every method at every rank with the settings chosen for it. */
export function mainCells(plan: Plan, settings: Settings): Cell[] {
  return methodCells(plan).map((cell) => {
    const method = cell.method === 'source' ? cell.method : (SETTINGS_OF[cell.method] ?? cell.method);
    return { ...cell, phase: 'main' as const, ...settings[settingsKey({ ...cell, method })]! };
  });
}

/** The cells for which this seed has no score. */
export function missingCells(cells: readonly Cell[], seed: number, scores: readonly Score[]): Cell[] {
  const key = ({ phase, method, rank, peak, power }: Cell) => [phase, method, rank, peak, power].join('/');
  const done = new Set(scores.filter((score) => score.seed === seed).map(key));
  return cells.filter((cell) => !done.has(key(cell)));
}

function methodCells(plan: Plan): Pick<Cell, 'method' | 'rank'>[] {
  const compared = METHODS.filter((method) => plan.methods.includes(method));
  const cells = compared.flatMap((method) => plan.ranks.map((rank) => ({ method, rank })));
  return [{ method: 'source', rank: plan.source_rank }, ...cells];
}
