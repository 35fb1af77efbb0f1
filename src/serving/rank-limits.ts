/**
 * What bounds the rank of a module besides the policy: the limits of the target and of the server it is meant for.
 * `allowedRanks` is ascending and without repeats; null allows any rank.
 */
export interface RankLimits {
  readonly minRank: number;
  readonly maxRank: number;
  readonly allowedRanks: readonly number[] | null;
}

/** No bound but the module's own rank. */
export const NO_LIMITS: RankLimits = { minRank: 1, maxRank: Number.MAX_SAFE_INTEGER, allowedRanks: null };
