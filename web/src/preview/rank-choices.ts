import type { ServingProfile } from '../../../src/contract/serving.ts';
import { acceptsUnequalRanks } from '../../../src/serving/apply-profile.ts';

/** The ranks that the server loads, ascending, up to the adapter's largest rank. */
export function rankChoices(largest: number, profile: ServingProfile | null): number[] {
  const minimum = profile?.min_rank ?? 1;
  const maximum = Math.min(largest, largestRank(profile) ?? largest);
  const all = profile?.allowed_ranks?.ranks ?? Array.from({ length: maximum }, (_, index) => index + 1);
  const choices = all.filter((rank) => rank >= minimum && rank <= maximum);
  return choices.length > 0 ? choices : [Math.min(largest, minimum)];
}

/** The largest rank that a server can be configured to load; null if there is no limit. */
export const largestRank = (profile: ServingProfile | null): number | null =>
  profile ? (profile.max_rank.largest ?? (profile.max_rank.setting ? null : profile.max_rank.default)) : null;

/** The choice nearest to a rank; if two are equally near, the larger one. */
export const nearestChoice = (choices: readonly number[], rank: number): number =>
  choices.reduce((best, one) => (Math.abs(one - rank) <= Math.abs(best - rank) ? one : best));

/**
 * The max_rank that must be configured on the server for a rank above its default.
 * @returns undefined if the default is enough
 */
export function maxRankSetting(profile: ServingProfile | null, rank: number): number | undefined {
  const byDefault = profile?.max_rank.default ?? null;
  return byDefault !== null && rank > byDefault ? rank : undefined;
}

/** The reason why a server refuses different ranks for the modules; null if it does not. */
export function unequalRanksRefusal(profile: ServingProfile | null): string | null {
  if (!profile || acceptsUnequalRanks(profile)) return null;
  return profile.same_rank === 'all'
    ? `${profile.title} needs one rank for all modules.`
    : `${profile.title} divides one lora_alpha by the rank of each module: only one rank for all keeps the scaling.`;
}

/**
 * The reason why a server refuses a rank, or the setting that it needs for it; null if it loads the rank by
 * default.
 */
export function rankRefusal(profile: ServingProfile | null, rank: number): string | null {
  if (!profile) return null;
  const { title, min_rank: minimum, allowed_ranks: allowed } = profile;
  const largest = largestRank(profile);
  if (largest !== null && rank > largest) return `${title} takes rank ${largest} at most.`;
  if (rank < minimum) return `${title} takes no rank below ${minimum}.`;
  if (allowed && !allowed.ranks.includes(rank))
    return `Rank ${rank} does not work in ${title}: ${allowed.reason}`;
  return null;
}
