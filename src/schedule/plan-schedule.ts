import type { Schedule, ScheduleRequest, Stage } from '../contract/schedule.ts';
import { chooseRanks } from './choose-ranks.ts';
import { type Clock, clockOf } from './clock.ts';
import { leastSteps, stageLengths } from './stage-lengths.ts';
import { stageSize } from './stage-memory.ts';

/**
 * The stages of an annealing: their ranks, when each begins and ends, what each trains and what memory that takes.
 * The same request gives the same schedule.
 * @throws AppError SCHEDULE_INVALID when the request contradicts itself or its numbers are too large to tell,
 * SCHEDULE_TOO_SHORT when total_steps does not hold the stages
 */
export function planSchedule(request: ScheduleRequest): Schedule {
  const { source_rank, target_rank, total_steps, shape = 'geometric', stage_lengths = 'equal' } = request;
  const clock = clockOf(request);
  const { ranks, notes } = chooseRanks(request, clock);
  const floors = leastSteps(ranks.length, clock);
  const { steps, atFloor } = stageLengths(ranks, stage_lengths, floors, total_steps);
  const stages = stagesOf(request, ranks, steps);
  const meanRank = stages.reduce((sum, stage) => sum + stage.rank * stage.steps, 0) / total_steps;
  return {
    source_rank,
    target_rank,
    total_steps,
    shape,
    stage_lengths,
    warm_up_steps: clock.warmUpSteps,
    final_steps: clock.finalSteps,
    min_stage_steps: clock.minStageSteps,
    stages,
    squeezes: stages.slice(1).map(({ rank, begin_step }, index) => ({
      step: begin_step,
      from_rank: ranks[index]!,
      to_rank: rank,
    })),
    mean_rank: meanRank,
    relative_cost: meanRank / source_rank,
    notes: [...notes, ...lengthened(ranks, atFloor, floors, clock)],
  };
}

function stagesOf(request: ScheduleRequest, ranks: readonly number[], steps: readonly number[]): Stage[] {
  let done = 0;
  return ranks.map((rank, index) => {
    const begin = done;
    done += steps[index]!;
    return {
      index,
      rank,
      begin_step: begin,
      end_step: done,
      steps: steps[index]!,
      ...stageSize(rank, request),
    };
  });
}

/** A note on the stages that min_stage_steps lengthens. Warm-up and final steps do so because they were asked for. */
function lengthened(
  ranks: readonly number[],
  atFloor: readonly number[],
  floors: readonly number[],
  { minStageSteps }: Clock,
): string[] {
  const longer = atFloor.filter((index) => floors[index] === minStageSteps).map((index) => ranks[index]!);
  if (longer.length === 0) return [];
  const list = `${longer.length === 1 ? 'Rank' : 'Ranks'} ${longer.join(', ')}`;
  return [`${list}: ${minStageSteps} steps, as min_stage_steps asks, where the share would be fewer.`];
}
