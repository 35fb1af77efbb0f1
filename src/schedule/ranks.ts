/** How ranks may fall by a formula. */
export type Formula = 'geometric' | 'linear' | 'cosine';

/** The rank, not yet rounded, at `progress` from 0 (source) to 1 (target). */
const FORMULAS: Readonly<Record<Formula, (progress: number, source: number, target: number) => number>> = {
  geometric: (progress, source, target) => source * (target / source) ** progress,
  linear: (progress, source, target) => source - (source - target) * progress,
  cosine: (progress, source, target) => target + ((source - target) * (1 + Math.cos(Math.PI * progress))) / 2,
};

/** Halves round up, also where floating point ends a little below them. */
const HALF = 0.5 + 1e-9;

/** One stage for each halving of the rank, the last one perhaps not whole, and one for the source. */
export function defaultStages(sourceRank: number, targetRank: number): number {
  let stages = 1;
  for (let rank = targetRank; rank < sourceRank; rank *= 2) stages++;
  return stages;
}

/**
 * The ranks of `stages` stages, strictly falling from the source to the target. A rank that rounding repeats is one
 * stage, so there may be fewer than asked for.
 * @param sourceRank not below targetRank
 * @param stages at least 2 where the ranks differ
 */
export function ranksOf(formula: Formula, sourceRank: number, targetRank: number, stages: number): number[] {
  if (sourceRank === targetRank) return [sourceRank];
  const last = stages - 1;
  const ranks = Array.from({ length: stages }, (_, index) => {
    if (index === 0) return sourceRank;
    if (index === last) return targetRank;
    return Math.floor(FORMULAS[formula](index / last, sourceRank, targetRank) + HALF);
  });
  return ranks.filter((rank, index) => rank !== ranks[index - 1]);
}
