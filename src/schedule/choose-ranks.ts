import type { ScheduleRequest } from '../contract/schedule.ts';
import { counted } from '../errors/counted.ts';
import type { TrainingClock } from './clock.ts';
import { scheduleInvalid } from './schedule-invalid.ts';
import { fittingRanks, neededSteps } from './stage-lengths.ts';

/** The rank before rounding, at `progress` from 0 (source) to 1 (target). */
const FORMULAS: Readonly<Record<Formula, (progress: number, source: number, target: number) => number>> = {
  geometric: (progress, source, target) => source * (target / source) ** progress,
  linear: (progress, source, target) => source - (source - target) * progress,
  cosine: (progress, source, target) => target + ((source - target) * (1 + Math.cos(Math.PI * progress))) / 2,
};

/** Rounds halves up, even if floating point ends slightly below them. */
const HALF = 0.5 + 1e-9;

/** The curves along which ranks may fall. */
export type Formula = 'geometric' | 'linear' | 'cosine';

interface RankChoice {
  /** One rank for each stage, strictly falling from the source to the target. */
  readonly ranks: number[];
  /** How the result differs from the request, as text. */
  readonly notes: string[];
}

/**
 * The ranks of the stages, as many as fit into the steps. Only the default number of stages is reduced; a requested
 * number never is.
 * @throws AppError SCHEDULE_INVALID for a request that contradicts itself, SCHEDULE_TOO_SHORT if the requested
 *   stages, or even source and target alone, need more steps than there are
 */
export function chooseRanks(request: ScheduleRequest, clock: TrainingClock): RankChoice {
  const { source_rank, target_rank, shape = 'geometric' } = request;
  if (source_rank < target_rank) {
    throw scheduleInvalid(
      `source_rank (${source_rank}) is below target_rank (${target_rank}); a squeeze cannot raise a rank.`,
      {
        source_rank,
        target_rank,
      },
    );
  }
  const { squeeze_steps } = request;
  if (request.mode === 'cont') return { ranks: contSqueezeRanks(request, clock), notes: [] };
  if (shape === 'custom') {
    const ranks = customRanks(request);
    return { ranks: squeeze_steps ? ranks : fittingRanks(ranks, clock), notes: [] };
  }
  if (request.ranks)
    throw scheduleInvalid(`ranks can only be used with shape "custom", but shape is "${shape}".`, { shape });
  if (source_rank > target_rank && request.stages === 1) {
    throw scheduleInvalid(`stages is 1, but rank ${source_rank} and rank ${target_rank} are two stages.`, {
      stages: 1,
      source_rank,
      target_rank,
    });
  }
  // If the squeeze steps are given, their number determines the stages, and later checks show whether they fit.
  if (squeeze_steps && request.stages === undefined)
    return { ranks: computeRanks(shape, source_rank, target_rank, squeeze_steps.length + 1), notes: [] };
  return request.stages === undefined
    ? asManyAsFit(shape, source_rank, target_rank, clock)
    : exactly(request.stages, shape, source_rank, target_rank, clock);
}

/** The shape cont-squeeze: the source rank, one squeeze, the target rank. */
function contSqueezeRanks(request: ScheduleRequest, clock: TrainingClock): number[] {
  const { source_rank, target_rank, squeeze_steps } = request;
  const other = (['shape', 'ranks', 'stages'] as const).find((field) => request[field] !== undefined);
  if (other !== undefined)
    throw scheduleInvalid(`mode is "cont", which has one squeeze, so ${other} cannot be given.`, {
      field: other,
    });
  const ranks = source_rank === target_rank ? [source_rank] : [source_rank, target_rank];
  return squeeze_steps ? ranks : fittingRanks(ranks, clock);
}

/**
 * The ranks that a request with shape custom lists, unchanged.
 * @throws AppError SCHEDULE_INVALID if they do not fall strictly from source_rank to target_rank
 */
function customRanks({ source_rank, target_rank, ranks, stages }: ScheduleRequest): number[] {
  if (!ranks) throw scheduleInvalid('shape is "custom", which requires ranks, the rank of every stage.', {});
  if (stages !== undefined) {
    throw scheduleInvalid(`stages is ${stages}, but shape "custom" has as many stages as ranks.`, { stages });
  }
  if (ranks[0] !== source_rank) {
    throw scheduleInvalid(
      `ranks[0] is ${ranks[0]}, but the first rank must be source_rank (${source_rank}).`,
      {
        rank: ranks[0]!,
        source_rank,
      },
    );
  }
  const last = ranks.length - 1;
  if (ranks[last] !== target_rank) {
    throw scheduleInvalid(
      `ranks[${last}] is ${ranks[last]}, but the last rank must be target_rank (${target_rank}).`,
      {
        rank: ranks[last]!,
        target_rank,
      },
    );
  }
  for (const [index, rank] of ranks.entries()) {
    const before = ranks[index - 1];
    if (before !== undefined && rank >= before) {
      throw scheduleInvalid(`ranks[${index}] is ${rank} but must be below the previous rank (${before}).`, {
        rank,
        rank_before: before,
      });
    }
  }
  return [...ranks];
}

/** The ranks for a requested number of stages. */
function exactly(
  stages: number,
  formula: Formula,
  source: number,
  target: number,
  clock: TrainingClock,
): RankChoice {
  const ranks = fittingRanks(computeRanks(formula, source, target, stages), clock, stages);
  if (ranks.length === stages) return { ranks, notes: [] };
  return {
    ranks,
    notes: [
      `The schedule has ${counted(ranks.length, 'stage')} instead of ${stages}, because after rounding to whole ranks the others would ` +
        'repeat a rank.',
    ],
  };
}

function asManyAsFit(formula: Formula, source: number, target: number, clock: TrainingClock): RankChoice {
  const wanted = computeRanks(formula, source, target, defaultStages(source, target));
  for (let stages = wanted.length; stages > 2; stages--) {
    const ranks = computeRanks(formula, source, target, stages);
    if (neededSteps(ranks.length, clock) <= clock.totalSteps)
      return { ranks, notes: lowered(ranks, wanted, clock) };
  }
  const ranks = fittingRanks(computeRanks(formula, source, target, 2), clock);
  return { ranks, notes: lowered(ranks, wanted, clock) };
}

function lowered(ranks: readonly number[], wanted: readonly number[], clock: TrainingClock): string[] {
  if (ranks.length === wanted.length) return [];
  return [
    `The schedule has ${counted(ranks.length, 'stage')}. One for the source rank and one for each halving would be ` +
      `${wanted.length}, which need ${neededSteps(wanted.length, clock)} steps; total_steps is ${clock.totalSteps}.`,
  ];
}

/** One stage for the source rank and one for each halving of the rank; the last step may be less than a halving. */
export function defaultStages(sourceRank: number, targetRank: number): number {
  let stages = 1;
  for (let rank = targetRank; rank < sourceRank; rank *= 2) stages++;
  return stages;
}

/**
 * The ranks of `stages` stages, strictly falling from the source to the target. Stages whose ranks round to the same
 * number become one stage, so there may be fewer than requested.
 * @param sourceRank not below targetRank
 * @param stages at least 2 if the ranks differ
 */
export function computeRanks(
  formula: Formula,
  sourceRank: number,
  targetRank: number,
  stages: number,
): number[] {
  if (sourceRank === targetRank) return [sourceRank];
  const last = stages - 1;
  const ranks = Array.from({ length: stages }, (_, index) => {
    if (index === 0) return sourceRank;
    if (index === last) return targetRank;
    return Math.floor(FORMULAS[formula](index / last, sourceRank, targetRank) + HALF);
  });
  return ranks.filter((rank, index) => rank !== ranks[index - 1]);
}
