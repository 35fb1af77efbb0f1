import type { Schedule, ScheduleRequest } from '../../src/contract/schedule.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import fc from '../fast-check.ts';

const ranks = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 256 }),
  fc.constantFrom(1, 65536),
);
const floors = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 }));

/** Requests for the three formulas without contradictions; the steps may be too few. */
export const requests: fc.Arbitrary<ScheduleRequest> = fc
  .record(
    {
      source_rank: ranks,
      target_rank: ranks,
      total_steps: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 1e9 })),
      warm_up_steps: floors,
      final_steps: floors,
      min_stage_steps: fc.integer({ min: 1, max: 400 }),
      shape: fc.constantFrom('geometric' as const, 'linear' as const, 'cosine' as const),
      stages: fc.integer({ min: 2, max: 64 }),
      stage_lengths: fc.constantFrom('equal' as const, 'rank_proportional' as const),
    },
    { requiredKeys: ['source_rank', 'target_rank', 'total_steps'] },
  )
  .map((request) => ({
    ...request,
    source_rank: Math.max(request.source_rank, request.target_rank),
    target_rank: Math.min(request.source_rank, request.target_rank),
  }));

/** The schedule, or undefined if the steps are too few. Any other error is thrown. */
export function planned(request: ScheduleRequest): Schedule | undefined {
  try {
    return planSchedule(request);
  } catch (error) {
    if (error instanceof AppError && error.code === 'SCHEDULE_TOO_SHORT') return undefined;
    throw error;
  }
}

/** The AppError with which a request is refused. */
export function refusal(request: ScheduleRequest): AppError {
  try {
    planSchedule(request);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(request)}`);
}

export const ranksOfStages = ({ stages }: Schedule): number[] => stages.map(({ rank }) => rank);
export const stepsOfStages = ({ stages }: Schedule): number[] => stages.map(({ steps }) => steps);
