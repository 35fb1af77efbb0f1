import type { ScheduleRequest } from '../contract/schedule.ts';
import { AppError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { customRanks } from './custom-ranks.ts';
import { invalid } from './invalid.ts';
import { defaultStages, type Formula, ranksOf } from './ranks.ts';
import { leastSteps } from './stage-lengths.ts';

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
  if (shape === 'custom') return { ranks: fitting(customRanks(request), clock), notes: [] };
  if (request.ranks) throw invalid(`ranks are for shape "custom", but shape is "${shape}".`, { shape });
  if (source_rank > target_rank && request.stages === 1) {
    throw invalid(`stages is 1, but rank ${source_rank} and rank ${target_rank} are two stages.`, {
      stages: 1,
      source_rank,
      target_rank,
    });
  }
  return request.stages === undefined
    ? asManyAsFit(shape, source_rank, target_rank, clock)
    : exactly(request.stages, shape, source_rank, target_rank, clock);
}

function exactly(stages: number, formula: Formula, source: number, target: number, clock: Clock): RankChoice {
  const ranks = fitting(ranksOf(formula, source, target, stages), clock);
  const notes =
    ranks.length < stages
      ? [`${ranks.length} stages instead of ${stages}: rounded to whole ranks, the others repeat a rank.`]
      : [];
  return { ranks, notes };
}

function asManyAsFit(formula: Formula, source: number, target: number, clock: Clock): RankChoice {
  const wanted = ranksOf(formula, source, target, defaultStages(source, target));
  const smaller = Array.from({ length: Math.max(0, wanted.length - 2) }, (_, index) =>
    ranksOf(formula, source, target, wanted.length - 1 - index),
  );
  const ranks = [wanted, ...smaller].find(
    (candidate) => neededSteps(candidate.length, clock) <= clock.totalSteps,
  );
  // Not even two: said of those.
  if (!ranks) return { ranks: fitting(smaller.at(-1) ?? wanted, clock), notes: [] };
  const notes =
    ranks.length < wanted.length
      ? [
          `${ranks.length} stages instead of ${wanted.length}, one for each halving of the rank and the source: ` +
            `those need ${neededSteps(wanted.length, clock)} steps, and total_steps is ${clock.totalSteps}.`,
        ]
      : [];
  return { ranks, notes };
}

/** @throws AppError SCHEDULE_TOO_SHORT */
function fitting(ranks: number[], clock: Clock): number[] {
  const needed = neededSteps(ranks.length, clock);
  if (needed <= clock.totalSteps) return ranks;
  const { totalSteps, warmUpSteps, finalSteps, minStageSteps } = clock;
  const stages = ranks.length === 1 ? `One stage at rank ${ranks[0]} needs` : `${ranks.length} stages need`;
  const floors = [
    `min_stage_steps ${minStageSteps}`,
    ...(warmUpSteps > minStageSteps ? [`warm_up_steps ${warmUpSteps}`] : []),
    ...(finalSteps > minStageSteps ? [`final_steps ${finalSteps}`] : []),
  ];
  throw new AppError(
    'SCHEDULE_TOO_SHORT',
    `${stages} ${needed} steps (${floors.join(', ')}), but total_steps is ${totalSteps}.`,
    {
      stages: ranks.length,
      needed_steps: needed,
      total_steps: totalSteps,
      min_stage_steps: minStageSteps,
      warm_up_steps: warmUpSteps,
      final_steps: finalSteps,
    },
  );
}

const neededSteps = (stages: number, clock: Clock): number =>
  leastSteps(stages, clock).reduce((total, steps) => total + steps, 0);
