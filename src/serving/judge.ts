import type { Verdict } from '../contract/serving.ts';
import type { Profile } from './profile.ts';
import type { RankLimits } from './rank-limits.ts';
import { dtype, patterns, scale } from './rules/encoding-rules.ts';
import { lacking } from './rules/feature-rules.ts';
import {
  fileNames,
  moduleKinds,
  requiredConfig,
  size,
  targetModules,
  tensorNames,
} from './rules/layout-rules.ts';
import { allowedRank, maxRank, minRank, uniformRank } from './rules/rank-rules.ts';
import type { AdapterFacts, Rule } from './rules/rule.ts';

/** Every rule by its stable name, in the order of the verdict. */
const RULES: Readonly<Record<string, Rule>> = {
  'max-rank': maxRank,
  'min-rank': minRank,
  'allowed-rank': allowedRank,
  'uniform-rank': uniformRank,
  scale,
  'no-patterns': patterns,
  dtype,
  'no-dora': lacking('dora'),
  'no-modules-to-save': lacking('modules-to-save'),
  'no-bias': lacking('bias'),
  'no-lora-bias': lacking('lora-bias'),
  'module-kinds': moduleKinds,
  'target-modules': targetModules,
  'tensor-names': tensorNames,
  'config-fields': requiredConfig,
  'file-names': fileNames,
  size,
};

export const RULE_NAMES: readonly string[] = Object.keys(RULES);

/**
 * Whether an adapter loads where the profile says, and does there what it does in PEFT; rule by rule, of those that
 * the profile has. Nothing is loaded: these are the rules that the place is known to have.
 * @param facts read from the files that would be served
 * @param limits as applyProfile worked them out
 */
export function judge(profile: Profile, facts: AdapterFacts, limits: RankLimits): Verdict {
  const rules = Object.entries(RULES).flatMap(([name, rule]) => {
    const found = rule(profile, facts, limits);
    return found ? [{ rule: name, ...found }] : [];
  });
  return { profile: profile.name, loads: rules.every(({ passed }) => passed), rules };
}
