import type { ProfileFeature } from '../../contract/serving.ts';
import { type KeptFacts, type KeptRule, nameSome } from './rule.ts';

/** The names of PEFT and of MLX. */
const MAGNITUDE = /\.lora_magnitude_vector(?:\.|$)|\.m$/;
const LORA_BIAS = /\.lora_B(?:\.[^.]+)?\.bias$/;
const BIAS = /\.bias$/;

/** Where in an adapter the feature was found, as text; undefined if the adapter does not have it. */
const FOUND: Readonly<Record<ProfileFeature, (facts: KeptFacts) => string | undefined>> = {
  dora: (facts) => found(facts.adapter.config.use_dora === true && 'use_dora', tensors(facts, MAGNITUDE)),
  'lora-bias': (facts) =>
    found(facts.adapter.config.lora_bias === true && 'lora_bias', tensors(facts, LORA_BIAS)),
  bias: (facts) => {
    const { bias, modules_to_save: saved } = facts.adapter.config;
    const isSet = typeof bias === 'string' && bias !== 'none' && `bias "${bias}"`;
    // The bias of a head belongs to modules_to_save.
    const isOfHead = Array.isArray(saved) && saved.length > 0;
    return found(isSet, isOfHead && !isSet ? [] : tensors(facts, BIAS, LORA_BIAS));
  },
  'modules-to-save': (facts) => {
    const { modules_to_save: saved } = facts.adapter.config;
    const isSet = (Array.isArray(saved) || typeof saved === 'string') && saved.length > 0;
    const others = facts.adapter.passthrough
      .map(({ name }) => name)
      .filter((name) => ![MAGNITUDE, LORA_BIAS, BIAS].some((pattern) => pattern.test(name)));
    return found(isSet && `modules_to_save ${JSON.stringify(saved)}`, others);
  },
};

function found(setting: string | false, names: readonly string[]): string | undefined {
  const parts = [...(setting ? [setting] : []), ...(names.length > 0 ? [nameSome(names)] : [])];
  return parts.length > 0 ? parts.join(', ') : undefined;
}

function tensors({ adapter }: KeptFacts, pattern: RegExp, except?: RegExp): string[] {
  const names = adapter.passthrough.map(({ name }) => name);
  return names.filter((name) => pattern.test(name) && !except?.test(name));
}

/**
 * What to do about each feature. Squeezing changes only the factors; other parts of an adapter must be merged into
 * the base model.
 */
const REMEDIES: Readonly<Record<ProfileFeature, string>> = {
  dora: 'merge it into the base model (PEFT’s merge_and_unload), or train without use_dora',
  'modules-to-save':
    'merge it into the base model (PEFT’s merge_and_unload), or train without modules_to_save',
  bias: 'merge it into the base model (PEFT’s merge_and_unload), or train with bias "none"',
  'lora-bias': 'merge it into the base model (PEFT’s merge_and_unload), or train without lora_bias',
};

/** Checks that an adapter does not have a feature that the server refuses or silently ignores. */
export const featureRule =
  (feature: ProfileFeature): KeptRule =>
  ({ lacks, title }, facts) => {
    const lack = lacks.find((one) => one.feature === feature);
    if (!lack) return null;
    const where = FOUND[feature](facts);
    if (where === undefined) return { passed: true, detail: `The adapter has no ${NOUNS[feature]}.` };
    return {
      passed: false,
      detail: `${where} is ${lack.effect} by ${title} (${lack.detail}): ${REMEDIES[feature]}.`,
    };
  };

const NOUNS: Readonly<Record<ProfileFeature, string>> = {
  dora: 'DoRA magnitudes',
  'modules-to-save': 'modules_to_save or tensors besides its factors',
  bias: 'trained bias',
  'lora-bias': 'bias of lora_B',
};
