import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import type { JsonObject, JsonValue } from '../../json/strict-json.ts';
import { type AdaloraRanks, readAdaloraRanks } from './adalora-ranks.ts';
import { parseConfigJson, toPlain } from './config-json.ts';
import { changesBaseWeights } from './init-lora-weights.ts';
import { asLora, methodOf, type PeftMethod, whyRefused } from './other-methods.ts';
import { PatternTable } from './patterns.ts';

/** What adapter_config.json contains, as far as it determines how to read the tensors. */
export interface PeftConfig {
  readonly method: PeftMethod;
  /** null for every other method. */
  readonly adalora: AdaloraRanks | null;
  readonly baseModel: string | null;
  readonly rank: number;
  readonly alpha: number;
  readonly useRslora: boolean;
  readonly useDora: boolean;
  readonly loraBias: boolean;
  readonly rankPattern: PatternTable<number>;
  readonly alphaPattern: PatternTable<number>;
  /** Paths of parameters (not modules) that were adapted, e.g. "mlp.experts.down_proj". */
  readonly targetParameters: readonly string[];
  /** All fields, for writing them again; those of another method as LoRA has them. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** PEFT's defaults (peft/tuners/lora/config.py), for configurations that leave a field out. */
const DEFAULT_RANK = 8;
const DEFAULT_ALPHA = 8;

/** Variants whose ΔW is not scale·B·A of the two tensors. Each field selects its variant when set. */
const OTHER_VARIANTS: readonly (readonly [field: string, name: string])[] = [
  ['use_qalora', 'QALoRA (A acts on pooled inputs)'],
  ['use_bdlora', 'BD-LoRA (block-diagonal factors)'],
  ['kasa_config', 'KaSA (a diagonal between the factors)'],
  ['monteclora_config', 'MonteCLoRA (a sampler around A)'],
];

/**
 * Reads a PEFT LoRA configuration. `target_modules` and similar fields are kept but never evaluated: the tensors show which modules
 * are adapted.
 * @throws AppError CONFIG_*, UNSUPPORTED_LORA_VARIANT
 */
export function readConfig(bytes: Uint8Array): PeftConfig {
  const original = parseConfigJson(bytes);
  const peftType = original.get('peft_type');
  const method = methodOf(peftType);
  if (!method) throw invalid('CONFIG_PEFT_TYPE', 'peft_type', whyRefused(peftType));
  const adalora = method === 'adalora' ? readAdaloraRanks(original) : null;
  const json = method === 'lora' ? original : asLora(method, original);
  refuseOtherVariants(json);
  checkTargets(json);
  const warnings: string[] = [];
  const init = json.get('init_lora_weights');
  if (changesBaseWeights(init)) {
    warnings.push(
      `init_lora_weights is ${quote(String(init))}, so training changed the base weights first. PEFT repeats that when ` +
        'it loads this adapter, but cannot do so at another rank. Load results onto the changed base weights, or convert the ' +
        'adapter to plain LoRA before squeezing (save_pretrained with path_initial_model_for_weight_conversion).',
    );
  }
  return {
    method,
    adalora,
    baseModel: optionalString(json, 'base_model_name_or_path'),
    rank: adalora?.initial ?? readRank(json.get('r'), warnings),
    alpha: readAlpha(json.get('lora_alpha'), warnings),
    useRslora: flag(json, 'use_rslora'),
    useDora: flag(json, 'use_dora'),
    loraBias: flag(json, 'lora_bias'),
    rankPattern: new PatternTable('rank_pattern', pattern(json, 'rank_pattern', rankOf)),
    alphaPattern: new PatternTable('alpha_pattern', pattern(json, 'alpha_pattern', alphaOf)),
    targetParameters: stringList(json, 'target_parameters'),
    fields: Object.fromEntries([...json].map(([field, value]) => [field, toPlain(value, field)])),
    warnings,
  };
}

function refuseOtherVariants(json: JsonObject): void {
  for (const [field, name] of OTHER_VARIANTS) {
    const value = json.get(field);
    if (value !== undefined && value !== null && value !== false) {
      throw invalid(
        'UNSUPPORTED_LORA_VARIANT',
        field,
        `is set, so the adapter is ${name}, which cannot be squeezed`,
      );
    }
  }
}

function checkTargets(json: JsonObject): void {
  for (const field of ['target_modules', 'exclude_modules', 'modules_to_save']) {
    if (typeof json.get(field) !== 'string') stringList(json, field);
  }
}

function readRank(value: JsonValue | undefined, warnings: string[]): number {
  if (value !== undefined) return rankOf('r', value);
  warnings.push(`adapter_config.json has no r, so PEFT's default of ${DEFAULT_RANK} applies.`);
  return DEFAULT_RANK;
}

function readAlpha(value: JsonValue | undefined, warnings: string[]): number {
  if (value !== undefined) return alphaOf('lora_alpha', value);
  warnings.push(`adapter_config.json has no lora_alpha, so PEFT's default of ${DEFAULT_ALPHA} applies.`);
  return DEFAULT_ALPHA;
}

function rankOf(field: string, value: JsonValue): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw invalid('CONFIG_RANK', field, `must be a positive integer, not ${shown(value)}`);
}

function alphaOf(field: string, value: JsonValue): number {
  if (typeof value === 'number') return value;
  throw invalid('CONFIG_ALPHA', field, `must be a finite number, not ${shown(value)}`);
}

function pattern<T>(
  json: JsonObject,
  field: string,
  read: (field: string, value: JsonValue) => T,
): [string, T][] {
  const value = json.get(field) ?? null;
  if (value === null) return [];
  if (!(value instanceof Map))
    throw invalid('CONFIG_INVALID', field, `must be an object, not ${shown(value)}`);
  return [...value].map(([key, item]) => [key, read(`${field} of ${quote(key)}`, item)]);
}

function flag(json: JsonObject, field: string): boolean {
  const value = json.get(field) ?? false;
  if (typeof value === 'boolean') return value;
  throw invalid('CONFIG_INVALID', field, `must be true or false, not ${shown(value)}`);
}

function optionalString(json: JsonObject, field: string): string | null {
  const value = json.get(field) ?? null;
  if (value === null || typeof value === 'string') return value;
  throw invalid('CONFIG_INVALID', field, `must be a string, not ${shown(value)}`);
}

function stringList(json: JsonObject, field: string): string[] {
  const value = json.get(field) ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw invalid('CONFIG_INVALID', field, `must be a list of strings, not ${shown(value)}`);
}

function shown(value: JsonValue): string {
  if (value instanceof Map) return 'an object';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? `the string ${quote(value)}` : String(value).slice(0, 40);
}

function invalid(code: ErrorCode, field: string, what: string): AppError {
  return new AppError(code, `In adapter_config.json, ${field} ${what}.`, { field });
}
