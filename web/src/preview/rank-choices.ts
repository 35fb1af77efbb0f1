import type { ServingProfile } from '../../../src/contract/serving.ts';
import { acceptsUnequalRanks } from '../../../src/serving/apply-profile.ts';

/** The largest rank that the user's server is set to; null: the default of the profile. */
export type ServerRank = number | null;

/**
 * The ranks that the server loads, ascending, up to the adapter's largest rank.
 * @param own the adapter's largest rank
 */
export function rankChoices(own: number, profile: ServingProfile | null, set: ServerRank): number[] {
  const minimum = profile?.min_rank ?? 1;
  const maximum = Math.min(own, serverRank(profile, set) ?? own);
  const all = profile?.allowed_ranks?.ranks ?? Array.from({ length: maximum }, (_, index) => index + 1);
  const choices = all.filter((rank) => rank >= minimum && rank <= maximum);
  return choices.length > 0 ? choices : [Math.min(own, minimum)];
}

/**
 * The largest rank that the server loads as it is set; null if there is no limit. A value that the setting
 * cannot have counts as the largest that it can.
 */
export function serverRank(profile: ServingProfile | null, set: ServerRank): number | null {
  if (!profile) return null;
  const { default: byDefault, largest, setting } = profile.max_rank;
  if (set === null || setting === null) return byDefault;
  return Math.max(profile.min_rank, largest === null ? set : Math.min(set, largest));
}

/** The choice nearest to a rank; if two are equally near, the larger one. */
export const nearestChoice = (choices: readonly number[], rank: number): number =>
  choices.reduce((best, one) => (Math.abs(one - rank) <= Math.abs(best - rank) ? one : best));

/** The max_rank of a target for the server as it is set; undefined if it has its default. */
export function maxRankOf(profile: ServingProfile | null, set: ServerRank): number | undefined {
  const rank = serverRank(profile, set);
  return rank === null || rank === profile?.max_rank.default ? undefined : rank;
}

/** The reason why a server refuses different ranks for the modules; null if it does not. */
export function unequalRanksRefusal(profile: ServingProfile | null): string | null {
  if (!profile || acceptsUnequalRanks(profile)) return null;
  return profile.same_rank === 'all'
    ? `${profile.title} needs one rank for all modules.`
    : `${profile.title} divides one lora_alpha by the rank of each module: only one rank for all keeps the scaling.`;
}

/** The reason why a server refuses a rank; null if it loads the rank as it is set. */
export function rankRefusal(profile: ServingProfile | null, set: ServerRank, rank: number): string | null {
  if (!profile) return null;
  const { title, min_rank: minimum, allowed_ranks: allowed, max_rank: cap } = profile;
  const largest = serverRank(profile, set);
  if (largest !== null && rank > largest) {
    const at = cap.setting === null ? '' : ` (${cap.setting})`;
    return `${title} loads ranks up to ${largest} only${at}.`;
  }
  if (rank < minimum) return `${title} takes no rank below ${minimum}.`;
  if (allowed && !allowed.ranks.includes(rank))
    return `Rank ${rank} does not work in ${title}: ${allowed.reason}.`;
  return null;
}

/**
 * The reason why a rank that the user named cannot be chosen; null if it can.
 * @param own the adapter's largest rank
 */
export function namedRankRefusal(
  own: number,
  profile: ServingProfile | null,
  set: ServerRank,
  rank: number,
): string | null {
  if (!Number.isInteger(rank)) return 'A rank is a whole number.';
  if (rank < 1) return 'The smallest rank is 1.';
  if (rank > own) return `The adapter has no rank above ${own}.`;
  return rankRefusal(profile, set, rank);
}
