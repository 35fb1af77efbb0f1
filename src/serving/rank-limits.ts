import { AppError } from '../errors/app-error.ts';
import type { Profile } from './profile.ts';

/**
 * The limits on the rank of a module besides the policy: those of the target and those of the server. `allowedRanks`
 * is in ascending order without duplicates; null allows any rank.
 */
export interface RankLimits {
  readonly minRank: number;
  readonly maxRank: number;
  readonly allowedRanks: readonly number[] | null;
}

/** No limit except the module's own rank. */
export const NO_LIMITS: RankLimits = { minRank: 1, maxRank: Number.MAX_SAFE_INTEGER, allowedRanks: null };

/**
 * The largest rank that the server accepts: the target's max_rank if given, otherwise the profile's default; null if
 * there is no limit.
 * @throws AppError VALIDATION_FAILED if the server cannot be set to that rank
 */
export function rankCap(profile: Profile, maxRank: number | undefined): number | null {
  const { max_rank: cap, min_rank: minimum, name } = profile;
  if (maxRank === undefined) return cap.default;
  if (cap.largest !== null && maxRank > cap.largest) {
    const setting = cap.setting === null ? '' : ` (${cap.setting})`;
    throw invalidTarget(`max_rank is ${maxRank}, but ${name} accepts at most ${cap.largest}${setting}.`, {
      profile: name,
      max_rank: maxRank,
      limit: cap.largest,
    });
  }
  if (maxRank < minimum) {
    throw invalidTarget(`max_rank is ${maxRank}, but ${name} accepts no rank below ${minimum}.`, {
      profile: name,
      max_rank: maxRank,
      limit: minimum,
    });
  }
  return maxRank;
}

/**
 * The value to which the server's setting must be set for this rank: vLLM's --max-lora-rank accepts only certain
 * steps.
 */
export function settingFor(profile: Profile, rank: number): number {
  return profile.max_rank.steps?.find((step) => step >= rank) ?? rank;
}

/** What a server must be set to for a rank above its default: "with --max-lora-rank 32"; null if nothing. */
export function settingNeeded(profile: Profile, rank: number): string | null {
  const { default: byDefault, setting } = profile.max_rank;
  if (setting === null || byDefault === null || rank <= byDefault) return null;
  // The setting of a hosted service is not an option but a choice in words.
  return setting.includes(' ')
    ? `if ${setting} allows rank ${rank}`
    : `with ${setting} ${settingFor(profile, rank)}`;
}

/** The nearest allowed ranks below and above a rank that is not allowed, as text. */
export function nearestAllowedRank(rank: number, allowed: readonly number[]): string {
  const below = allowed.findLast((one) => one < rank);
  const above = allowed.find((one) => one > rank);
  return [below, above].filter((one) => one !== undefined).join(' or ');
}

export function invalidTarget(message: string, context: AppError['context']): AppError {
  return new AppError('VALIDATION_FAILED', message, context);
}
