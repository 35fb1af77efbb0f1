import { AppError } from '../errors/app-error.ts';
import type { Profile } from './profile.ts';

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

/**
 * The largest rank that the server accepts: the value of a target's max_rank, otherwise its default; null if there is
 * none.
 * @throws AppError VALIDATION_FAILED if the server cannot be set to that
 */
export function rankCap(profile: Profile, maxRank: number | undefined): number | null {
  const { max_rank: cap, min_rank: least, name } = profile;
  if (maxRank === undefined) return cap.default;
  if (cap.largest !== null && maxRank > cap.largest) {
    const setting = cap.setting === null ? '' : ` (${cap.setting})`;
    throw invalidTarget(`max_rank is ${maxRank}, but ${name} accepts at most ${cap.largest}${setting}.`, {
      profile: name,
      max_rank: maxRank,
      limit: cap.largest,
    });
  }
  if (maxRank < least) {
    throw invalidTarget(`max_rank is ${maxRank}, but ${name} accepts no rank below ${least}.`, {
      profile: name,
      max_rank: maxRank,
      limit: least,
    });
  }
  return maxRank;
}

/** What the place has to be set to so that it takes the rank: vLLM's --max-lora-rank comes in steps. */
export function settingFor(profile: Profile, rank: number): number {
  return profile.max_rank.steps?.find((step) => step >= rank) ?? rank;
}

/** The allowed ranks next to one that is not, in words. */
export function nearest(rank: number, allowed: readonly number[]): string {
  const below = allowed.findLast((one) => one < rank);
  const above = allowed.find((one) => one > rank);
  return [below, above].filter((one) => one !== undefined).join(' or ');
}

export function invalidTarget(message: string, context: AppError['context']): AppError {
  return new AppError('VALIDATION_FAILED', message, context);
}
