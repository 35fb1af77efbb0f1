import type { Schedule, ScheduleRequest, Stage } from '../contract/schedule.ts';
import { chooseRanks } from './choose-ranks.ts';
import { type Clock, clockOf, finalShareOf } from './clock.ts';
import { planLearningRate } from './learning-rate.ts';
import { namedLengths } from './named-steps.ts';
import { leastSteps, type StageLengths, stageLengths, stageLengthsToLast } from './stage-lengths.ts';
import { stageSize } from './stage-memory.ts';

/** A last stage with less of Σ(learning rate × steps) has hardly been trained at the rank that is served. */
const STARVED_SHARE = 0.15;

/**
 * The stages of an annealing: their ranks, when each begins and ends, how fast each learns, what each trains and what
 * memory that takes. The same request gives the same schedule.
 * @throws AppError SCHEDULE_INVALID when the request contradicts itself or its numbers are too large to tell,
 * SCHEDULE_TOO_SHORT when total_steps does not hold the stages
 */
export function planSchedule(request: ScheduleRequest): Schedule {
  const { source_rank, target_rank, total_steps, shape = 'geometric', stage_lengths = 'equal' } = request;
  const { mode = 'in', recipe = 'recommended' } = request;
  const clock = clockOf(request);
  const { ranks, notes } = chooseRanks(request, clock);
  const { steps, atFloor } = lengthsOf(request, ranks, clock);
  const learning = planLearningRate(source_rank, limitsOf(ranks, steps), request.learning_rate);
  const stages = limitsOf(ranks, steps).map((limits, index): Stage => {
    const learning_rate = learning.stages[index]!;
    return { index, ...limits, steps: steps[index]!, learning_rate, ...stageSize(limits.rank, request) };
  });
  const meanRank = stages.reduce((sum, stage) => sum + stage.rank * stage.steps, 0) / total_steps;
  return {
    source_rank,
    target_rank,
    total_steps,
    mode,
    recipe,
    final_share: finalShareOf(request),
    shape: mode === 'cont' ? 'custom' : shape,
    stage_lengths,
    learning_rate_schedule: learning.schedule,
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
    notes: [...notes, ...lengthened(ranks, atFloor, clock), ...starved(stages, learning.schedule)],
  };
}

function lengthsOf(request: ScheduleRequest, ranks: readonly number[], clock: Clock): StageLengths {
  const { recipe, squeeze_steps, stage_lengths = 'equal', total_steps } = request;
  if (squeeze_steps) return { steps: namedLengths(request, ranks.length), atFloor: [] };
  const share = recipe === 'equal' || ranks.length === 1 ? stageLengths : stageLengthsToLast;
  return share(ranks, stage_lengths, leastSteps(ranks.length, clock), total_steps);
}

function limitsOf(ranks: readonly number[], steps: readonly number[]) {
  let done = 0;
  return ranks.map((rank, index) => {
    const begin = done;
    done += steps[index]!;
    return { rank, begin_step: begin, end_step: done };
  });
}

/** A note on the stages that min_stage_steps lengthens. The other floors do so because they were asked for. */
function lengthened(ranks: readonly number[], atFloor: readonly number[], clock: Clock): string[] {
  const floors = leastSteps(ranks.length, clock);
  const { minStageSteps } = clock;
  const longer = atFloor.filter((index) => floors[index] === minStageSteps).map((index) => ranks[index]!);
  if (longer.length === 0) return [];
  const list = `${longer.length === 1 ? 'Rank' : 'Ranks'} ${longer.join(', ')}`;
  return [`${list}: ${minStageSteps} steps, as min_stage_steps asks, where the share would be fewer.`];
}

function starved(stages: readonly Stage[], schedule: string): string[] {
  const { rank, steps, learning_rate } = stages.at(-1)!;
  if (stages.length === 1 || learning_rate.share >= STARVED_SHARE) return [];
  const remedy =
    schedule === 'recommended'
      ? 'Give it more steps'
      : `Its ${schedule} schedule has decayed by then: follow the recommended one, or give the last stage more steps`;
  return [
    `Rank ${rank} is trained for ${steps} steps and gets ${(100 * learning_rate.share).toFixed(1)} % of Σ(learning rate × ` +
      `steps), so the adapter is hardly trained at the rank it is served at. ${remedy}.`,
  ];
}
