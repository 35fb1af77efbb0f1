import type { Adapter } from '../../adapter/adapter.ts';
import type { Profile } from '../profile.ts';
import type { RankLimits } from '../rank-limits.ts';

/** An adapter as a server would receive it, read from the files themselves. */
export interface AdapterFacts {
  readonly adapter: Adapter;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** What a squeeze in the same format keeps of an adapter. */
export interface KeptFacts {
  readonly adapter: Pick<Adapter, 'config' | 'passthrough'>;
}

/**
 * One rule. It returns what it found in an adapter and, if the check fails, what to do; null if it does not apply to
 * the profile.
 */
export type Rule = (
  profile: Profile,
  facts: AdapterFacts,
  limits: RankLimits,
) => { readonly passed: boolean; readonly detail: string } | null;

/** A rule on what a squeeze keeps, which is therefore known before it. */
export type KeptRule = (profile: Profile, facts: KeptFacts) => ReturnType<Rule>;

/** A list of names for a sentence: the first few, followed by how many more there are. */
export function nameSome(names: readonly string[], maximum = 3): string {
  const shown = names.slice(0, maximum).join(', ');
  return names.length > maximum ? `${shown} and ${names.length - maximum} more` : shown;
}
