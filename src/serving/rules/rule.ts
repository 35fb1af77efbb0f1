import type { AdapterFacts } from '../adapter-facts.ts';
import type { TargetLimits } from '../apply-profile.ts';
import type { Profile } from '../profile.ts';

/**
 * One rule: what it finds in an adapter, and where that fails what to do; null where the profile has no such rule.
 */
export type Rule = (
  profile: Profile,
  facts: AdapterFacts,
  limits: TargetLimits,
) => { readonly passed: boolean; readonly detail: string } | null;
