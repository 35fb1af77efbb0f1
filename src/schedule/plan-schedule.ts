import type { Schedule, ScheduleRequest, Stage } from '../contract/schedule.ts';
import { chooseRanks } from './choose-ranks.ts';
import { finalShareOf, resolveClock, type TrainingClock } from './clock.ts';
import { planLearningRate, starvedNotes } from './learning-rate.ts';
import {
  minSteps,
  namedLengths,
  type StageLengths,
  stageLengths,
  stageLengthsToLast,
} from './stage-lengths.ts';
import { stageSize } from './stage-memory.ts';

/**
 * The stages of an annealing: their ranks, when each begins and ends, their learning rates, how many parameters each
 * trains and the memory that takes. The same request always gives the same schedule.
 * @throws AppError SCHEDULE_INVALID if the request contradicts itself or a result is too large for a JSON number,
 *   SCHEDULE_TOO_SHORT if the stages do not fit into total_steps
 */
export function planSchedule(request: ScheduleRequest): Schedule {
  const { source_rank, target_rank, total_steps, shape = 'geometric', stage_lengths = 'equal' } = request;
  const { mode = 'in', recipe = 'recommended' } = request;
  // squeeze_steps replaces everything else that determines the lengths of stages.
  const unlessNamed = <T>(value: T): T | null => (request.squeeze_steps ? null : value);
  const clock = resolveClock(request);
  const { ranks, notes } = chooseRanks(request, clock);
  const { steps, atFloor } = lengthsOf(request, ranks, clock);
  const limits = limitsOf(ranks, steps);
  const learning = planLearningRate(source_rank, limits, request.learning_rate);
  const stages = limits.map((of, index): Stage => {
    const learning_rate = learning.stages[index]!;
    return { index, ...of, steps: steps[index]!, learning_rate, ...stageSize(of.rank, request) };
  });
  const meanRank = stages.reduce((sum, stage) => sum + stage.rank * stage.steps, 0) / total_steps;
  return {
    source_rank,
    target_rank,
    total_steps,
    mode,
    recipe: unlessNamed(recipe),
    final_share: unlessNamed(finalShareOf(request)),
    shape: mode === 'cont' ? 'custom' : shape,
    stage_lengths: unlessNamed(stage_lengths),
    learning_rate_schedule: learning.schedule,
    warm_up_steps: unlessNamed(clock.warmUpSteps),
    final_steps: unlessNamed(clock.finalSteps),
    min_stage_steps: unlessNamed(clock.minStageSteps),
    stages,
    squeezes: stages.slice(1).map(({ rank, begin_step }, index) => ({
      step: begin_step,
      from_rank: ranks[index]!,
      to_rank: rank,
    })),
    mean_rank: meanRank,
    relative_cost: meanRank / source_rank,
    notes: [...notes, ...lengthened(ranks, atFloor, clock), ...starvedNotes(limits, learning)],
  };
}

function lengthsOf(request: ScheduleRequest, ranks: readonly number[], clock: TrainingClock): StageLengths {
  const { recipe, squeeze_steps, stage_lengths = 'equal', total_steps } = request;
  if (squeeze_steps) return { steps: namedLengths(request, ranks.length), atFloor: [] };
  const share = recipe === 'equal' || ranks.length === 1 ? stageLengths : stageLengthsToLast;
  return share(ranks, stage_lengths, minSteps(ranks.length, clock), total_steps);
}

function limitsOf(ranks: readonly number[], steps: readonly number[]) {
  let done = 0;
  return ranks.map((rank, index) => {
    const begin = done;
    done += steps[index]!;
    return { rank, begin_step: begin, end_step: done };
  });
}

/**
 * A note about the stages that min_stage_steps lengthens. The other minimums need no note, because the request sets
 * them.
 */
function lengthened(ranks: readonly number[], atFloor: readonly number[], clock: TrainingClock): string[] {
  const floors = minSteps(ranks.length, clock);
  const { minStageSteps } = clock;
  const longer = atFloor.filter((index) => floors[index] === minStageSteps).map((index) => ranks[index]!);
  if (longer.length === 0) return [];
  const list = `${longer.length === 1 ? 'Rank' : 'Ranks'} ${longer.join(', ')}`;
  return [`${list}: ${minStageSteps} steps because of min_stage_steps, although the share would be less.`];
}
