import type { Verdict } from '../contract/serving.ts';
import { KEPT_RULES } from './kept-rules.ts';
import type { Profile } from './profile.ts';
import type { RankLimits } from './rank-limits.ts';
import { dtype, patterns, scale } from './rules/encoding-rules.ts';
import { fileNames, moduleKinds, size, targetModules, tensorNames } from './rules/layout-rules.ts';
import { allowedRank, maxRank, minRank, uniformRank } from './rules/rank-rules.ts';
import type { AdapterFacts, Rule } from './rules/rule.ts';

/** Every rule under its stable name, in the order in which verdicts list them. */
export const RULES: Readonly<Record<string, Rule>> = {
  'max-rank': maxRank,
  'min-rank': minRank,
  'allowed-rank': allowedRank,
  'uniform-rank': uniformRank,
  scale,
  'no-patterns': patterns,
  dtype,
  'no-dora': KEPT_RULES['no-dora'],
  'no-modules-to-save': KEPT_RULES['no-modules-to-save'],
  'no-bias': KEPT_RULES['no-bias'],
  'no-lora-bias': KEPT_RULES['no-lora-bias'],
  'module-kinds': moduleKinds,
  'target-modules': targetModules,
  'tensor-names': tensorNames,
  'config-fields': KEPT_RULES['config-fields'],
  'file-names': fileNames,
  size,
};

/**
 * Whether an adapter can be loaded by the server of a profile and behaves there as it does in PEFT, rule by rule.
 * Nothing is actually loaded: this applies only the rules that are known for the server.
 * @param facts read from the files that would be served
 * @param limits as computed by applyProfile
 */
export function judge(profile: Profile, facts: AdapterFacts, limits: RankLimits): Verdict {
  const rules = Object.entries(RULES).flatMap(([name, rule]) => {
    const found = rule(profile, facts, limits);
    return found ? [{ rule: name, ...found }] : [];
  });
  return { profile: profile.name, loads: rules.every(({ passed }) => passed), rules };
}
