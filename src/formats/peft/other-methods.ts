import { quote } from '../../json/quote.ts';
import type { JsonObject, JsonValue } from '../../json/strict-json.ts';

/** The methods of PEFT that are LoRA or can be converted to it. */
export type PeftMethod = 'lora' | 'loha' | 'lokr' | 'adalora';

const METHODS: ReadonlyMap<JsonValue | undefined, PeftMethod> = new Map([
  ['LORA', 'lora'],
  ['LOHA', 'loha'],
  ['LOKR', 'lokr'],
  ['ADALORA', 'adalora'],
]);

/** undefined for any other peft_type. */
export const methodOf = (peftType: JsonValue | undefined): PeftMethod | undefined => METHODS.get(peftType);

/** Fields of LoHa and LoKr (peft/tuners/loha/config.py, lokr/config.py) that LoRA has not. */
const LYCORIS_FIELDS: ReadonlySet<string> = new Set([
  'decompose_both',
  'decompose_factor',
  'module_dropout',
  'rank_dropout',
  'rank_dropout_scale',
  'use_effective_conv2d',
]);
/** Fields of AdaLoRA (peft/tuners/adalora/config.py) that LoRA lacks, ignores, or understands differently. */
const ADALORA_FIELDS: ReadonlySet<string> = new Set([
  ...['target_r', 'init_r', 'tinit', 'tfinal', 'deltaT', 'beta1', 'beta2', 'orth_reg_weight', 'total_step'],
  ...['r', 'rank_pattern', 'alpha_pattern', 'use_rslora', 'init_lora_weights'],
]);
/** Fields that have another name in LoRA. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['alpha', 'lora_alpha'],
  ['init_weights', 'init_lora_weights'],
]);

/** The configuration of another method as a LoRA configuration, in the same order. */
export function asLora(method: Exclude<PeftMethod, 'lora'>, json: JsonObject): JsonObject {
  const own = method === 'adalora' ? ADALORA_FIELDS : LYCORIS_FIELDS;
  return new Map(
    [...json]
      .filter(([field]) => !own.has(field))
      .map(([field, value]): [string, JsonValue] => {
        if (field === 'peft_type') return [field, 'LORA'];
        return field === 'init_weights' ? ['init_lora_weights', true] : [RENAMED.get(field) ?? field, value];
      }),
  );
}

const SAVE_AS_LORA = 'convert it with PEFT, which needs the base model (save_as_lora)';
const MERGE =
  'it multiplies the weights, so merge it into the base model (merge_and_unload) and serve that, or extract a LoRA from the difference';
const NO_WEIGHTS = 'it changes no weights, so there is nothing to squeeze';

/** What to do with methods that cannot be converted to LoRA from the file alone. */
const ADVICE: Readonly<Record<string, string>> = {
  VERA: `its factors are random and only their scales are saved; ${SAVE_AS_LORA}`,
  RANDLORA: SAVE_AS_LORA,
  VBLORA: SAVE_AS_LORA,
  C3A: SAVE_AS_LORA,
  MISS: SAVE_AS_LORA,
  GRALORA: SAVE_AS_LORA,
  DELORA: SAVE_AS_LORA,
  OFT: MERGE,
  BOFT: MERGE,
  HRA: MERGE,
  IA3: MERGE,
  ROAD: MERGE,
  LN_TUNING: 'it consists of whole norms, which are small',
  PROMPT_TUNING: NO_WEIGHTS,
  P_TUNING: NO_WEIGHTS,
  PREFIX_TUNING: NO_WEIGHTS,
};

const ONLY = 'Only "LORA", "LOHA", "LOKR" and "ADALORA" can be squeezed';

/** Why a peft_type is refused and what to do, for a message. */
export function whyRefused(peftType: JsonValue | undefined): string {
  if (typeof peftType !== 'string') return `is missing. ${ONLY}`;
  const advice = Object.hasOwn(ADVICE, peftType) ? `: ${ADVICE[peftType]}` : '';
  return `is ${quote(peftType)}${advice}. ${ONLY}`;
}
