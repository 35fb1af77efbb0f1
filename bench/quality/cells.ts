import { peakKey } from './choose-peaks.ts';
import { type Cell, LINES, METHODS, type Peaks, type Plan, type Score, VARIANTS } from './results.ts';

/** Every method at every rank with every learning rate. */
export function sweepCells(plan: Plan): Cell[] {
  return methodCells(plan).flatMap((cell) =>
    plan.peaks.map((peak) => ({ ...cell, phase: 'sweep' as const, peak })),
  );
}

/** Every method at every rank with its own learning rate, and the variants of In-Squeeze with that of In-Squeeze. */
export function mainCells(plan: Plan, peaks: Peaks): Cell[] {
  const main = methodCells(plan).map((cell) => ({ ...cell, phase: 'main' as const }));
  const variants = plan.ranks.flatMap((rank) =>
    VARIANTS.filter(
      (variant) =>
        variant !== 'default' &&
        (rank === plan.variant_rank || LINES.some((line) => line.variant === variant)),
    ).map((variant) => ({ method: 'in' as const, rank, variant, phase: 'variant' as const })),
  );
  return [...main, ...variants].map((cell) => ({ ...cell, peak: peaks[peakKey(cell)]! }));
}

/** The cells that this seed has no score of. */
export function missingCells(cells: readonly Cell[], seed: number, scores: readonly Score[]): Cell[] {
  const key = ({ phase, method, variant, rank, peak }: Cell) =>
    [phase, method, variant, rank, peak].join('/');
  const done = new Set(scores.filter((score) => score.seed === seed).map(key));
  return cells.filter((cell) => !done.has(key(cell)));
}

function methodCells(plan: Plan): Pick<Cell, 'method' | 'rank' | 'variant'>[] {
  const cells = METHODS.flatMap((method) =>
    plan.ranks.map((rank) => ({ method, rank, variant: 'default' as const })),
  );
  return [{ method: 'source', rank: plan.source_rank, variant: 'default' }, ...cells];
}
