import type { LoraModule } from '../../adapter/adapter.ts';
import type { Profile } from '../profile.ts';
import { nearestAllowedRank, settingFor } from '../rank-limits.ts';
import type { Rule } from './rule.ts';
import { type AdapterFacts, nameSome } from './rule.ts';

/** Also considers r of the configuration: servers compare it with their limit and allocate memory for it. */
const largestOf = ({ adapter }: AdapterFacts): number =>
  adapter.modules.reduce((largest, { rank }) => Math.max(largest, rank), adapter.configRank);

const smallestOf = ({ adapter }: AdapterFacts): number =>
  adapter.modules.reduce((smallest, { rank }) => Math.min(smallest, rank), Number.MAX_SAFE_INTEGER);

export const maxRank: Rule = (profile, facts, { maxRank: cap }) => {
  if (cap === Number.MAX_SAFE_INTEGER) return null;
  const rank = largestOf(facts);
  const { setting, largest } = profile.max_rank;
  if (rank <= cap) {
    const at = setting === null ? '' : ` (${setting}: ${settingFor(profile, cap)})`;
    return { passed: true, detail: `Rank ${rank} is within the maximum of ${cap}${at}.` };
  }
  const needed = settingFor(profile, rank);
  const canBeSet = setting !== null && (largest === null || needed <= largest);
  const other = canBeSet ? `, or serve with ${setting} ${needed}` : '';
  return { passed: false, detail: `Rank ${rank} exceeds the maximum of ${cap}: squeeze to ${cap}${other}.` };
};

export const minRank: Rule = ({ min_rank: minimum }, facts) => {
  if (minimum === 1) return null;
  const rank = smallestOf(facts);
  return rank >= minimum
    ? { passed: true, detail: `Rank ${rank} is not below the minimum of ${minimum}.` }
    : {
        passed: false,
        detail: `Rank ${rank} is below the minimum of ${minimum}: start from an adapter of a larger rank.`,
      };
};

export const allowedRank: Rule = ({ allowed_ranks: allowed }, { adapter }) => {
  if (allowed === null) return null;
  const found = [...new Set(adapter.modules.map(({ rank }) => rank))];
  const wrong = found.filter((rank) => !allowed.ranks.includes(rank));
  return wrong.length === 0
    ? { passed: true, detail: `${ranksAre(found)} supported.` }
    : {
        passed: false,
        detail:
          `${ranksAre(wrong)} not supported (${allowed.reason}): ` +
          `squeeze to ${nearestAllowedRank(Math.min(...wrong), allowed.ranks)}.`,
      };
};

/** The subject and the verb of a sentence about one or several ranks. */
const ranksAre = (ranks: readonly number[]): string =>
  ranks.length === 1 ? `Rank ${ranks[0]} is` : `Ranks ${nameSome(ranks.map(String))} are`;

const SHARED_BY: Readonly<Record<Exclude<Profile['same_rank'], 'none'>, string>> = {
  experts: 'All experts of a layer',
  all: 'All modules',
};

/** The key of the group of modules that must have the same rank. */
const groupOf = ({ name }: LoraModule, shared: Profile['same_rank']): string =>
  shared === 'all' ? '' : name.replace(/(?<=\.experts\.)\d+(?=\.)/, '*');

export const uniformRank: Rule = ({ same_rank: shared }, facts) => {
  if (shared === 'none') return null;
  const firstOf = new Map<string, LoraModule>();
  for (const module of facts.adapter.modules) {
    const group = groupOf(module, shared);
    const first = firstOf.get(group) ?? module;
    firstOf.set(group, first);
    if (first.rank !== module.rank) {
      return {
        passed: false,
        detail:
          `${SHARED_BY[shared]} must have one rank, but ${first.name} has ${first.rank} and ${module.name} has ` +
          `${module.rank}: squeeze to rank ${smallestOf(facts)}, which every module has.`,
      };
    }
  }
  return { passed: true, detail: `${SHARED_BY[shared]} have one rank.` };
};
