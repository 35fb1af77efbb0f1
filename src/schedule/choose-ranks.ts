import type { ScheduleRequest } from '../contract/schedule.ts';
import type { Clock } from './clock.ts';
import { customRanks } from './custom-ranks.ts';
import { invalid } from './invalid.ts';
import { fitting, neededSteps } from './needed-steps.ts';
import { defaultStages, type Formula, ranksOf } from './ranks.ts';

export interface RankChoice {
  /** One for each stage, strictly falling from the source to the target. */
  readonly ranks: number[];
  /** Where they are not what was asked for, in words. */
  readonly notes: string[];
}

/**
 * The ranks of the stages, as many as the steps hold. Only a number of stages that nobody asked for is lowered.
 * @throws AppError SCHEDULE_INVALID for a request that contradicts itself, SCHEDULE_TOO_SHORT when the stages asked
 * for, or even source and target alone, need more steps than there are
 */
export function chooseRanks(request: ScheduleRequest, clock: Clock): RankChoice {
  const { source_rank, target_rank, shape = 'geometric' } = request;
  if (source_rank < target_rank) {
    throw invalid(
      `source_rank is ${source_rank}, below target_rank, ${target_rank}: a squeeze cannot raise a rank.`,
      {
        source_rank,
        target_rank,
      },
    );
  }
  const { squeeze_steps } = request;
  if (request.mode === 'cont') return { ranks: contRanks(request, clock), notes: [] };
  if (shape === 'custom') {
    const ranks = customRanks(request);
    return { ranks: squeeze_steps ? ranks : fitting(ranks, clock), notes: [] };
  }
  if (request.ranks) throw invalid(`ranks are for shape "custom", but shape is "${shape}".`, { shape });
  if (source_rank > target_rank && request.stages === 1) {
    throw invalid(`stages is 1, but rank ${source_rank} and rank ${target_rank} are two stages.`, {
      stages: 1,
      source_rank,
      target_rank,
    });
  }
  // Named steps say how many stages there are, and whether they fit.
  if (squeeze_steps && request.stages === undefined)
    return { ranks: ranksOf(shape, source_rank, target_rank, squeeze_steps.length + 1), notes: [] };
  return request.stages === undefined
    ? asManyAsFit(shape, source_rank, target_rank, clock)
    : exactly(request.stages, shape, source_rank, target_rank, clock);
}

/** Cont-Squeeze: the source rank, one squeeze, the target rank. */
function contRanks(request: ScheduleRequest, clock: Clock): number[] {
  const { source_rank, target_rank, squeeze_steps } = request;
  const other = (['shape', 'ranks', 'stages'] as const).find((field) => request[field] !== undefined);
  if (other !== undefined)
    throw invalid(`mode is "cont", which has one squeeze, so ${other} cannot be given.`, { field: other });
  const ranks = source_rank === target_rank ? [source_rank] : [source_rank, target_rank];
  return squeeze_steps ? ranks : fitting(ranks, clock);
}

/** A number of stages that was asked for. */
function exactly(stages: number, formula: Formula, source: number, target: number, clock: Clock): RankChoice {
  const ranks = fitting(ranksOf(formula, source, target, stages), clock, stages);
  if (ranks.length === stages) return { ranks, notes: [] };
  return {
    ranks,
    notes: [`${counted(ranks)} instead of ${stages}: rounded to whole ranks, the others would repeat one.`],
  };
}

function asManyAsFit(formula: Formula, source: number, target: number, clock: Clock): RankChoice {
  const wanted = ranksOf(formula, source, target, defaultStages(source, target));
  for (let stages = wanted.length; stages > 2; stages--) {
    const ranks = ranksOf(formula, source, target, stages);
    if (neededSteps(ranks.length, clock) <= clock.totalSteps)
      return { ranks, notes: lowered(ranks, wanted, clock) };
  }
  const ranks = fitting(ranksOf(formula, source, target, 2), clock);
  return { ranks, notes: lowered(ranks, wanted, clock) };
}

function lowered(ranks: readonly number[], wanted: readonly number[], clock: Clock): string[] {
  if (ranks.length === wanted.length) return [];
  return [
    `${counted(ranks)} instead of ${wanted.length}, one for each halving of the rank and the source: those need ` +
      `${neededSteps(wanted.length, clock)} steps, and total_steps is ${clock.totalSteps}.`,
  ];
}

const counted = ({ length }: readonly number[]): string => `${length} ${length === 1 ? 'stage' : 'stages'}`;
