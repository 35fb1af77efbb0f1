import type { RuleVerdict } from '../contract/serving.ts';
import type { Profile } from './profile.ts';
import { featureRule } from './rules/feature-rules.ts';
import { requiredConfig } from './rules/layout-rules.ts';
import type { KeptFacts } from './rules/rule.ts';

/** The rules on what a squeeze in the same format keeps, under their stable names. */
export const KEPT_RULES = {
  'no-dora': featureRule('dora'),
  'no-modules-to-save': featureRule('modules-to-save'),
  'no-bias': featureRule('bias'),
  'no-lora-bias': featureRule('lora-bias'),
  'config-fields': requiredConfig,
} as const;

/** The rules that a result is going to break because its source does. */
export const foreseenFaults = (profile: Profile, config: KeptFacts['adapter']['config']): RuleVerdict[] =>
  Object.entries(KEPT_RULES).flatMap(([name, rule]) => {
    const found = rule(profile, { adapter: { config, passthrough: [] } });
    return found && !found.passed ? [{ rule: name, ...found }] : [];
  });
