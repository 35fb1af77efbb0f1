import type { AdapterFacts } from '../adapter-facts.ts';
import type { Profile } from '../profile.ts';
import type { RankLimits } from '../rank-limits.ts';

/**
 * One rule: what it finds in an adapter, and where that fails what to do; null where the profile has no such rule.
 */
export type Rule = (
  profile: Profile,
  facts: AdapterFacts,
  limits: RankLimits,
) => { readonly passed: boolean; readonly detail: string } | null;
