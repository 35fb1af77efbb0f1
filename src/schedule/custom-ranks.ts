import type { ScheduleRequest } from '../contract/schedule.ts';
import { invalid } from './invalid.ts';

/**
 * The ranks that shape custom lists, as they are.
 * @throws AppError SCHEDULE_INVALID when they do not fall strictly from source_rank to target_rank
 */
export function customRanks({ source_rank, target_rank, ranks, stages }: ScheduleRequest): number[] {
  if (!ranks) throw invalid('shape is "custom", which needs ranks: the rank of every stage.', {});
  if (stages !== undefined) {
    throw invalid(`stages is ${stages}, but shape "custom" has as many stages as ranks.`, { stages });
  }
  if (ranks[0] !== source_rank) {
    throw invalid(`ranks[0] is ${ranks[0]} but must be source_rank, ${source_rank}.`, {
      rank: ranks[0]!,
      source_rank,
    });
  }
  const last = ranks.length - 1;
  if (ranks[last] !== target_rank) {
    throw invalid(`ranks[${last}], the last, is ${ranks[last]} but must be target_rank, ${target_rank}.`, {
      rank: ranks[last]!,
      target_rank,
    });
  }
  for (const [index, rank] of ranks.entries()) {
    const before = ranks[index - 1];
    if (before !== undefined && rank >= before) {
      throw invalid(`ranks[${index}] is ${rank} but must be below the rank before it, ${before}.`, {
        rank,
        rank_before: before,
      });
    }
  }
  return [...ranks];
}
