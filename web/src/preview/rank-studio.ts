import type { ServingProfile } from '../../../src/contract/serving.ts';
import { isDead, meanOf } from '../../../src/core/by-module.ts';
import {
  type BudgetModule,
  type Criterion,
  minRanks,
  type PinnedRanks,
  parametersPerRank,
  ranksWithin,
  type Step,
  stepsInOrder,
} from '../../../src/core/policy/allocate-ranks.ts';
import type { RankLimits } from '../../../src/serving/rank-limits.ts';
import { largestRank, limitRank, permittedRanks } from '../../../src/squeeze/limit-rank.ts';
import { type AnalyzedAdapter, lostShare } from './preview.ts';
import { type ServerRank, serverRank } from './rank-choices.ts';

/** The largest rounding error of a sum of shares that should be zero. */
const ROUNDING = 1e-12;
/** More points of a curve could not be distinguished. */
const MAX_POINTS = 160;

/**
 * What is needed to choose ranks by module. It depends on the adapter, the server and the criterion, not on
 * the size or the pins.
 */
export interface RankStudio {
  readonly analyzed: AnalyzedAdapter;
  readonly criterion: Criterion;
  readonly limits: RankLimits;
  /** The modules with the ranks that each may have; costs are in parameters. */
  readonly modules: readonly BudgetModule[];
  readonly steps: readonly Step[];
}

/** A size on the curve, with its loss by the criterion. */
export interface CurvePoint {
  readonly parameters: number;
  readonly error: number;
  readonly rank: { readonly min: number; readonly max: number };
}

/** The ranks that a server loads as it is set. */
export const rankLimits = (profile: ServingProfile | null, set: ServerRank): RankLimits => ({
  minRank: profile?.min_rank ?? 1,
  maxRank: serverRank(profile, set) ?? Number.MAX_SAFE_INTEGER,
  allowedRanks: profile?.allowed_ranks?.ranks ?? null,
});

const studios = new WeakMap<AnalyzedAdapter, Map<string, RankStudio>>();
const curves = new WeakMap<RankStudio, CurvePoint[]>();

/** The studio of an adapter, which is computed once for each pair of limits and criterion. */
export function rankStudio(analyzed: AnalyzedAdapter, limits: RankLimits, criterion: Criterion): RankStudio {
  const made = studios.get(analyzed) ?? new Map<string, RankStudio>();
  studios.set(analyzed, made);
  const key = keyOf(limits, criterion);
  const studio = made.get(key) ?? newStudio(analyzed, limits, criterion);
  made.set(key, studio);
  return studio;
}

/** More steps than this take longer than a frame. */
const MAX_STEPS_AT_ONCE = 40_000;

/** The studio of an adapter if it is known, or computed within a frame; otherwise undefined. */
export function studioAtOnce(
  analyzed: AnalyzedAdapter,
  limits: RankLimits,
  criterion: Criterion,
): RankStudio | undefined {
  const made = studios.get(analyzed)?.get(keyOf(limits, criterion));
  if (made) return made;
  const steps = analyzed.modules.reduce((sum, { rank }) => sum + rank, 0);
  return steps <= MAX_STEPS_AT_ONCE ? rankStudio(analyzed, limits, criterion) : undefined;
}

/** Lets the browser react to the user, so that what follows runs as a task of its own. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Computes a studio and its curve in several tasks, so that the page does not stand still for thousands of modules. */
export async function prepareStudio(
  analyzed: AnalyzedAdapter,
  limits: RankLimits,
  criterion: Criterion,
): Promise<RankStudio> {
  await nextTask();
  const studio = rankStudio(analyzed, limits, criterion);
  await nextTask();
  curveByModule(studio, new Map());
  await nextTask();
  return studio;
}

const keyOf = (limits: RankLimits, criterion: Criterion): string => JSON.stringify([limits, criterion]);

function newStudio(analyzed: AnalyzedAdapter, limits: RankLimits, criterion: Criterion): RankStudio {
  const permitted = new Map<number, readonly number[]>();
  const ranksUpTo = (own: number): readonly number[] => {
    if (!permitted.has(own)) permitted.set(own, permittedRanks(own, limits));
    return permitted.get(own)!;
  };
  const modules = analyzed.modules.map((module): BudgetModule => {
    const { singular_values: sigma, energy, shape } = module;
    const [m, n] = shape;
    return {
      sigma,
      // Energy beyond the rank of the factors is lost at any rank.
      restNorm: Math.sqrt(energy * lostShare(module, module.rank)),
      costPerRank: m + n,
      ranks: ranksUpTo(largestRank({ rank: module.rank, m, n })),
    };
  });
  return { analyzed, criterion, limits, modules, steps: stepsInOrder(modules, criterion) };
}

/** The pins with each rank replaced by the nearest one that the server allows. */
export const allowedPins = ({ analyzed, limits }: RankStudio, pins: PinnedRanks): PinnedRanks =>
  new Map([...pins].map(([index, rank]) => [index, limitRank(rank, analyzed.modules[index]!.rank, limits)]));

/** The smallest and the largest number of parameters that are possible with the pins. */
export function sizeRange({ modules }: RankStudio, pins: PinnedRanks): { minimum: number; maximum: number } {
  const withPins = (ranks: readonly number[]): number =>
    parametersPerRank(
      modules,
      ranks.map((rank, index) => pins.get(index) ?? rank),
    );
  return {
    minimum: withPins(minRanks(modules)),
    maximum: withPins(modules.map(({ ranks }) => ranks.at(-1)!)),
  };
}

/**
 * The ranks that the service chooses for a budget of parameters, with the pins; at least the smallest
 * possible ranks.
 */
export function allocateWithin(studio: RankStudio, parameters: number, pins: PinnedRanks): number[] {
  const { minimum } = sizeRange(studio, pins);
  return ranksWithin(studio.modules, studio.steps, Math.max(minimum, parameters), pins);
}

/**
 * The loss of ranks by module over the size, ascending. Its points are sizes that use up their budgets
 * exactly.
 */
export function curveByModule(studio: RankStudio, pins: PinnedRanks): readonly CurvePoint[] {
  if (pins.size > 0) return newCurve(studio, pins);
  const curve = curves.get(studio) ?? newCurve(studio, pins);
  curves.set(studio, curve);
  return curve;
}

function newCurve(studio: RankStudio, pins: PinnedRanks): CurvePoint[] {
  const { modules, steps } = studio;
  const { minimum, maximum } = sizeRange(studio, pins);
  const tally = new Tally(
    studio,
    minRanks(modules).map((rank, index) => pins.get(index) ?? rank),
  );
  const points = [tally.point(minimum)];
  const thresholds = thresholdsOf(minimum, maximum);
  let parameters = minimum;
  let next = 1;
  for (const { module, rank, cost } of steps) {
    if (pins.has(module)) continue;
    parameters += cost;
    tally.raise(module, rank);
    if (parameters < thresholds[next]!) continue;
    points.push(tally.point(parameters));
    while (next < thresholds.length - 1 && thresholds[next]! <= parameters) next++;
  }
  // A budget that covers all ranks raises every module to its largest, also along directions without energy.
  if (parameters < maximum)
    for (const [index, { ranks }] of modules.entries()) tally.raise(index, pins.get(index) ?? ranks.at(-1)!);
  const last = tally.point(maximum);
  if (points.at(-1)!.parameters < maximum) points.push(last);
  return points;
}

/** Sizes at equal ratios, from the smallest to the largest. */
const thresholdsOf = (minimum: number, maximum: number): number[] =>
  Array.from(
    { length: MAX_POINTS },
    (_, index) => minimum * (maximum / minimum) ** (index / (MAX_POINTS - 1)),
  );

/** Keeps count of the error while ranks are raised one after another. */
class Tally {
  readonly #studio: RankStudio;
  readonly #ranks: number[];
  readonly #weights: readonly number[];
  /** How many modules have each rank, by rank. */
  readonly #counts: number[] = [];
  #lost = 0;
  #minimum = 1;

  constructor(studio: RankStudio, ranks: readonly number[]) {
    this.#studio = studio;
    this.#ranks = [...ranks];
    this.#weights = weightsOf(studio);
    for (const [index, rank] of ranks.entries()) {
      this.#counts[rank] = (this.#counts[rank] ?? 0) + 1;
      this.#lost += this.#lostOf(index, rank);
    }
  }

  raise(index: number, rank: number): void {
    const before = this.#ranks[index]!;
    this.#lost += this.#lostOf(index, rank) - this.#lostOf(index, before);
    this.#counts[before]!--;
    this.#counts[rank] = (this.#counts[rank] ?? 0) + 1;
    this.#ranks[index] = rank;
  }

  point(parameters: number): CurvePoint {
    while (this.#minimum < this.#counts.length && !this.#counts[this.#minimum]) this.#minimum++;
    const max = this.#counts.findLastIndex((count) => count > 0);
    return {
      parameters,
      error: this.#lost > ROUNDING ? Math.sqrt(this.#lost) : 0,
      rank: { min: this.#minimum, max },
    };
  }

  #lostOf(index: number, rank: number): number {
    return this.#weights[index]! * lostShare(this.#studio.analyzed.modules[index]!, rank);
  }
}

/** The weights by which the lost shares of the modules add up to the square of the error. */
function weightsOf({ analyzed, criterion }: RankStudio): number[] {
  const energies = analyzed.modules.map(({ energy }) => energy);
  const mean = meanOf(energies);
  if (criterion === 'energy')
    return energies.map((energy) => (mean > 0 ? energy / (mean * energies.length) : 0));
  const live = energies.filter((energy) => !isDead(energy, mean)).length;
  return energies.map((energy) => (isDead(energy, mean) ? 0 : 1 / live));
}
