import type { Adapter } from '../../adapter/adapter.ts';
import type { Profile } from '../profile.ts';
import type { RankLimits } from '../rank-limits.ts';

/** An adapter as it would be handed to a server: read from the files themselves. */
export interface AdapterFacts {
  readonly adapter: Adapter;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * One rule: what it finds in an adapter, and where that fails what to do; null where the profile has no such rule.
 */
export type Rule = (
  profile: Profile,
  facts: AdapterFacts,
  limits: RankLimits,
) => { readonly passed: boolean; readonly detail: string } | null;

/** A list of names for a sentence: the first few, and how many more. */
export function some(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
