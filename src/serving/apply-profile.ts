import { isUnequalByDefault, POLICIES, type PolicyName, type Target } from '../contract/target.ts';
import type { Profile } from './profile.ts';
import { profileNamed } from './profiles.ts';
import { invalidTarget, NO_LIMITS, nearestAllowedRank, type RankLimits, rankCap } from './rank-limits.ts';

export interface AppliedTarget {
  /** The target with the settings of its profile filled in; it has a rank if it had a rank limit but no policy. */
  readonly target: Target;
  readonly limits: RankLimits;
  readonly profile: Profile | null;
}

/**
 * Combines a target with its profile. Applying this to its own result changes nothing.
 * @throws AppError UNKNOWN_PROFILE, listing the known ones
 * @throws AppError VALIDATION_FAILED if the target asks for something that the server of its profile cannot load, or
 *   contradicts itself
 */
export function applyProfile(target: Target): AppliedTarget {
  const profile = target.profile === undefined ? null : profileNamed(target.profile);
  return profile ? applyGivenProfile(target, profile) : withoutProfile(target);
}

function withoutProfile(target: Target): AppliedTarget {
  const limits = {
    ...NO_LIMITS,
    minRank: target.min_rank ?? NO_LIMITS.minRank,
    maxRank: target.max_rank ?? NO_LIMITS.maxRank,
  };
  checkOrder(limits);
  return { target, limits, profile: null };
}

/** The same as applyProfile, with a profile that need not be one of the known ones. */
export function applyGivenProfile(requested: Target, profile: Profile): AppliedTarget {
  const cap = rankCap(profile, requested.max_rank);
  const limits: RankLimits = {
    minRank: Math.max(requested.min_rank ?? 1, profile.min_rank),
    maxRank: cap ?? NO_LIMITS.maxRank,
    allowedRanks: profile.allowed_ranks?.ranks ?? null,
  };
  checkOrder(limits);
  checkAllowed(limits, profile);
  const target = withPolicy(requested, profile, cap);
  checkRanks(target, profile, limits);
  return {
    target: {
      ...target,
      uniform: uniformOf(target, profile),
      scale: scaleOf(target, profile),
      split: target.split ?? 'balanced',
      dtype: dtypeOf(target, profile),
    },
    limits,
    profile,
  };
}

const policyOf = (target: Target): PolicyName | undefined => POLICIES.find((policy) => policy in target);

/**
 * A target that names only a profile gets the largest rank that the profile allows; without a limit, every module
 * keeps its own rank.
 */
function withPolicy(target: Target, profile: Profile, cap: number | null): Target {
  if (cap === null || policyOf(target) !== undefined) return target;
  const rank = profile.allowed_ranks?.ranks.findLast((allowed) => allowed <= cap) ?? cap;
  return { ...target, rank };
}

function checkOrder({ minRank, maxRank }: RankLimits): void {
  if (minRank > maxRank) {
    throw invalidTarget(`min_rank is ${minRank}, but the largest rank allowed is ${maxRank}.`, {
      min_rank: minRank,
      max_rank: maxRank,
    });
  }
}

function checkAllowed({ minRank, maxRank, allowedRanks }: RankLimits, { name }: Profile): void {
  if (!allowedRanks || allowedRanks.some((rank) => rank >= minRank && rank <= maxRank)) return;
  const upTo = maxRank === NO_LIMITS.maxRank ? 'up' : `to ${maxRank}`;
  throw invalidTarget(
    `No rank from ${minRank} ${upTo} works in ${name}: set limits that include ` +
      `${nearestAllowedRank(minRank, allowedRanks)}.`,
    {
      profile: name,
      min_rank: minRank,
      max_rank: maxRank,
    },
  );
}

/**
 * Ranks that the target names must be ranks that the profile accepts: silently lowering them would surprise the
 * caller.
 */
function checkRanks(target: Target, profile: Profile, limits: RankLimits): void {
  const named: [where: string, rank: number][] = [];
  if ('rank' in target) named.push(['rank', target.rank]);
  if ('rank_pattern' in target) {
    const entries = Object.entries(target.rank_pattern);
    named.push(
      ...entries.map(([key, rank]): [string, number] => [`rank_pattern[${JSON.stringify(key)}]`, rank]),
    );
  }
  for (const [where, rank] of named) {
    const context = { profile: profile.name, rank };
    if (rank > limits.maxRank) {
      throw invalidTarget(
        `${where} is ${rank}, but ${profile.name} accepts at most ${limits.maxRank} here${remedy(target, profile, rank)}.`,
        { ...context, limit: limits.maxRank },
      );
    }
    if (rank < profile.min_rank) {
      throw invalidTarget(
        `${where} is ${rank}, but ${profile.name} accepts no rank below ${profile.min_rank}.`,
        {
          ...context,
          limit: profile.min_rank,
        },
      );
    }
    if (limits.allowedRanks && !limits.allowedRanks.includes(rank)) {
      throw invalidTarget(
        `${where} is ${rank}, which does not work in ${profile.name} (${profile.allowed_ranks!.reason}): use ` +
          `${nearestAllowedRank(rank, limits.allowedRanks)}.`,
        { ...context, allowed: limits.allowedRanks },
      );
    }
  }
}

function remedy({ max_rank: requested }: Target, { max_rank: cap }: Profile, rank: number): string {
  const canBeSet = cap.setting !== null && (cap.largest === null || rank <= cap.largest);
  return requested === undefined && canBeSet ? `; set max_rank to ${rank} if ${cap.setting} allows it` : '';
}

/** Whether the server accepts modules of different ranks, as this service writes them. */
export function acceptsUnequalRanks({ scale, same_rank: shared }: Profile): boolean {
  // We write one lora_alpha for all modules. A server that divides it by the rank of each module would get a
  // different scale for each.
  return shared !== 'all' && scale.formula !== 'tensor-rank';
}

function uniformOf(target: Target, profile: Profile): boolean {
  const policy = policyOf(target);
  const takes = acceptsUnequalRanks(profile);
  const context = { profile: profile.name };
  if (target.uniform === false && !takes) {
    throw invalidTarget(`uniform is false, but ${profile.name} needs one rank for all modules.`, context);
  }
  if (policy === 'rank_pattern' && target.uniform === undefined && !takes) {
    throw invalidTarget(
      `rank_pattern gives modules different ranks, but ${profile.name} needs one for all: set rank instead.`,
      context,
    );
  }
  return target.uniform ?? !(isUnequalByDefault(target) && takes);
}

function scaleOf(target: Target, profile: Profile): NonNullable<Target['scale']> {
  if (target.scale !== undefined && target.scale !== 'fold' && profile.scale.formula === 'unstated') {
    throw invalidTarget(
      `scale is "${target.scale}", but the scaling of ${profile.name} is not documented: only "fold", which ` +
        'makes it 1, is safe.',
      { profile: profile.name },
    );
  }
  return target.scale ?? 'fold';
}

function dtypeOf(target: Target, profile: Profile): NonNullable<Target['dtype']> {
  const { dtype } = target;
  const allowed = profile.dtypes;
  if (dtype !== undefined && dtype !== 'match' && !allowed.includes(dtype)) {
    throw invalidTarget(`dtype is "${dtype}", but ${profile.name} accepts only ${allowed.join(', ')}.`, {
      profile: profile.name,
      allowed,
    });
  }
  // "match" could keep a dtype that the server does not accept.
  return dtype ?? (allowed.length === 3 ? 'match' : allowed[0]!);
}
