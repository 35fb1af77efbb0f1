import type { LoraModule } from '../adapter/adapter.ts';
import { formatExactPercent } from '../charts/format.ts';
import type { ExpectedLoss } from '../contract/job.ts';
import { isDead, meanOf } from '../core/by-module.ts';
import { energyCurve } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';

/**
 * If the modules keep at least this share of their energy on average, no loss is expected without further training.
 * This is a rule of thumb from the experiment in docs/error-and-loss.md: of a small model's adapters, those that kept
 * 0.86 lost at most one point of accuracy, those that kept 0.70 one to five, and those that kept 0.60 two to eight.
 */
export const NO_LOSS_ENERGY = 0.86;
/** Below this share, a loss is expected. */
export const SOME_LOSS_ENERGY = 0.7;

const percent = (share: number): string => formatExactPercent(share, 3);
/** With more digits if it would read as a limit that it lies below. */
const percentBelow = (share: number): string =>
  [NO_LOSS_ENERGY, SOME_LOSS_ENERGY].some((limit) => percent(limit) === percent(share))
    ? formatExactPercent(share, 5)
    : percent(share);

/** The expected loss of a squeeze without further training, for programs and in words. */
export interface LossForecast {
  readonly loss: ExpectedLoss;
  readonly warning: string;
}

/**
 * The loss that the kept energy predicts; null if it predicts none.
 * @param energyRetained mean over the modules of the share of its energy that each keeps, in the written factors
 * @param decompositions of the source, in the order of the modules
 */
export function expectedLoss(
  energyRetained: number,
  modules: readonly Pick<LoraModule, 'rank' | 'scale'>[],
  decompositions: readonly Pick<Decomposition, 'sigma' | 'energy'>[],
): LossForecast | null {
  if (energyRetained >= NO_LOSS_ENERGY) return null;
  const code = energyRetained >= SOME_LOSS_ENERGY ? 'SOME_LOSS_LIKELY' : 'LOSS_EXPECTED';
  const largest = modules.reduce((rank, module) => Math.max(rank, module.rank), 0);
  const keeping = rankKeeping(NO_LOSS_ENERGY, modules, decompositions);
  const remedy =
    keeping !== null && keeping < largest
      ? `, or take rank ${keeping}, which keeps ${percent(NO_LOSS_ENERGY)}`
      : '; a job of kind "analyze" shows what larger ranks keep';
  return {
    loss: { code, keeping_rank: keeping !== null && keeping < largest ? keeping : null },
    warning:
      `The modules keep ${percentBelow(energyRetained)} of their energy on average: ${MEANING[code]}, as a rule of thumb ` +
      `from experiments with small models (docs/error-and-loss.md). Continue training at this rank${remedy}.`,
  };
}

const MEANING: Readonly<Record<ExpectedLoss['code'], string>> = {
  SOME_LOSS_LIKELY: `between ${percent(SOME_LOSS_ENERGY)} and ${percent(NO_LOSS_ENERGY)} some loss of accuracy is likely`,
  LOSS_EXPECTED: `below ${percent(SOME_LOSS_ENERGY)} a loss of accuracy is to be expected`,
};

/** The smallest uniform rank that keeps this share on average; null if none is known, for example after a sketch. */
function rankKeeping(
  share: number,
  modules: readonly Pick<LoraModule, 'rank' | 'scale'>[],
  decompositions: readonly Pick<Decomposition, 'sigma' | 'energy'>[],
): number | null {
  const energies = decompositions.map(({ energy }, index) => modules[index]!.scale ** 2 * energy);
  const mean = meanOf(energies);
  let known = 0;
  let unknownFrom = Number.POSITIVE_INFINITY;
  const curves = decompositions.flatMap(({ sigma, energy }, index) => {
    if (isDead(energies[index]!, mean)) return [];
    const { rank } = modules[index]!;
    known = Math.max(known, rank);
    if (sigma.length < rank) unknownFrom = Math.min(unknownFrom, sigma.length);
    return [energyCurve(sigma.subarray(0, rank), energy)];
  });
  for (let rank = 1; rank <= Math.min(known, unknownFrom); rank++) {
    if (meanOf(curves.map((curve) => curve[Math.min(rank, curve.length) - 1]!)) >= share) return rank;
  }
  return null;
}
