import type { LoraModule } from '../adapter/adapter.ts';
import type { RankLimits } from '../serving/rank-limits.ts';

/**
 * The rank nearest to the wanted one that the limits and the module's own rank allow. It is brought within min_rank
 * and max_rank, and then raised to the next allowed rank, so that the policy's promise is kept; it is lowered if that
 * would exceed max_rank or the module's rank. A module whose rank is below every allowed rank keeps its own.
 * @param own the module's rank, which is never exceeded
 */
export function limitRank(wanted: number, own: number, limits: RankLimits): number {
  const cap = Math.min(limits.maxRank, own);
  const rank = Math.max(1, Math.min(Math.max(wanted, limits.minRank), cap));
  const { allowedRanks } = limits;
  if (!allowedRanks) return rank;
  const up = allowedRanks.find((allowed) => allowed >= rank && allowed <= cap);
  return up ?? allowedRanks.findLast((allowed) => allowed <= cap) ?? cap;
}

/** The largest useful rank of a module: its update has at most as many directions as rows or columns. */
export const largestRank = ({ rank, m, n }: Pick<LoraModule, 'rank' | 'm' | 'n'>): number =>
  Math.min(rank, m, n);

/** The ranks a module may have, ascending; never empty. */
export function permittedRanks(own: number, limits: RankLimits): number[] {
  const cap = Math.min(limits.maxRank, own);
  const minimum = limitRank(limits.minRank, own, limits);
  const { allowedRanks } = limits;
  if (!allowedRanks) return Array.from({ length: cap - minimum + 1 }, (_, index) => minimum + index);
  const permitted = allowedRanks.filter((rank) => rank >= minimum && rank <= cap);
  return permitted.length > 0 ? permitted : [minimum];
}
