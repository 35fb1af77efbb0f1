import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import type { JsonObject } from '../../json/strict-json.ts';

/** PEFT's default (peft/tuners/adalora/config.py). */
const DEFAULT_INITIAL_RANK = 12;
/** PEFT adds it to the divisor of the scale (peft/tuners/adalora/layer.py, `get_delta_weight`). */
const RANK_OFFSET = 1e-5;
/** rank_pattern names a parameter of the module, which the adapter's name may follow. */
const PARAMETER = /\.lora_E(?:\.[^.]+)?$/;

/** The ranks in an AdaLoRA configuration. */
export interface AdaloraRanks {
  /** init_r: the rank that every module had before training took some away. */
  readonly initial: number;
  /** By path of the module, if training changed its rank: the number of directions that are left, 0 or more. */
  readonly left: ReadonlyMap<string, number>;
}

/**
 * Reads `init_r` and `rank_pattern`, which has a list of true and false for each module: true for directions that are left.
 * @throws AppError CONFIG_RANK, CONFIG_INVALID
 */
export function readAdaloraRanks(json: JsonObject): AdaloraRanks {
  const initial = json.get('init_r') ?? DEFAULT_INITIAL_RANK;
  if (typeof initial !== 'number' || !Number.isSafeInteger(initial) || initial < 1) {
    throw invalid('CONFIG_RANK', 'init_r', 'must be a positive integer');
  }
  const pattern = json.get('rank_pattern') ?? new Map();
  if (!(pattern instanceof Map)) {
    throw invalid(
      'CONFIG_INVALID',
      'rank_pattern',
      'must be an object that gives each module a list of true and false',
    );
  }
  const left = new Map<string, number>();
  for (const [name, kept] of pattern) {
    if (!Array.isArray(kept) || !kept.every((one) => typeof one === 'boolean')) {
      throw invalid('CONFIG_INVALID', `rank_pattern of ${quote(name)}`, 'must be a list of true and false');
    }
    left.set(name.replace(PARAMETER, ''), kept.filter(Boolean).length);
  }
  return { initial, left };
}

/**
 * The scale of every module: alpha/(init_r + 10⁻⁵), whatever rank is left; an alpha of 0 or less means init_r
 * (peft/tuners/adalora/layer.py, `update_layer`).
 */
export const adaloraScale = (alpha: number, { initial }: AdaloraRanks): number =>
  (alpha > 0 ? alpha : initial) / (initial + RANK_OFFSET);

const invalid = (code: ErrorCode, field: string, what: string): AppError =>
  new AppError(code, `In adapter_config.json, ${field} ${what}.`, { field });
