import type { ServingProfile } from '../../../src/contract/serving.ts';
import { takesUnequal } from '../../../src/serving/apply-profile.ts';

/** The ranks that can be chosen, ascending: those the adapter has and the place takes. */
export function rankChoices(largest: number, profile: ServingProfile | null): number[] {
  const least = profile?.min_rank ?? 1;
  const most = Math.min(largest, largestRank(profile) ?? largest);
  const all = profile?.allowed_ranks?.ranks ?? Array.from({ length: most }, (_, index) => index + 1);
  const choices = all.filter((rank) => rank >= least && rank <= most);
  return choices.length > 0 ? choices : [Math.min(largest, least)];
}

/** The largest rank that a place can be set to take; null: no limit. */
export const largestRank = (profile: ServingProfile | null): number | null =>
  profile ? (profile.max_rank.largest ?? (profile.max_rank.setting ? null : profile.max_rank.default)) : null;

/** The choice nearest to a rank; of two, the larger. */
export const nearestChoice = (choices: readonly number[], rank: number): number =>
  choices.reduce((best, one) => (Math.abs(one - rank) <= Math.abs(best - rank) ? one : best));

/**
 * The max_rank that a target needs for a rank above the server's default, which must then be configured on that server.
 * @returns undefined where the default will do
 */
export function neededSetting(profile: ServingProfile | null, rank: number): number | undefined {
  const byDefault = profile?.max_rank.default ?? null;
  return byDefault !== null && rank > byDefault ? rank : undefined;
}

/** Why a server refuses a rank of its own for each module; null: it does not. */
export function refusalOfUnequal(profile: ServingProfile | null): string | null {
  if (!profile || takesUnequal(profile)) return null;
  return profile.same_rank === 'all'
    ? `${profile.title} needs one rank for all modules.`
    : `${profile.title} divides one lora_alpha by the rank of each module: only one rank for all keeps the scaling.`;
}

/** Why a server refuses a rank, or what it has to be set to for it; null: it takes it as it is. */
export function refusalOfRank(profile: ServingProfile | null, rank: number): string | null {
  if (!profile) return null;
  const { title, min_rank: least, allowed_ranks: allowed } = profile;
  const largest = largestRank(profile);
  if (largest !== null && rank > largest) return `${title} takes rank ${largest} at most.`;
  if (rank < least) return `${title} takes no rank below ${least}.`;
  if (allowed && !allowed.ranks.includes(rank))
    return `Rank ${rank} does not work in ${title}: ${allowed.reason}`;
  return null;
}
