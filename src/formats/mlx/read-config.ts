import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import { parseConfigJson, toPlain } from '../peft/config-json.ts';

/** What adapter_config.json of MLX contains, as far as it determines how to read the tensors. */
export interface MlxConfig {
  readonly baseModel: string | null;
  /** ΔW = scale·B·A: MLX does not divide by the rank. */
  readonly scale: number;
  readonly rank: number | undefined;
  /** fine_tune_type, or use_dora of the versions before it (2024). */
  readonly isDora: boolean;
  /** All fields, for writing them again. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** mlx_lm/tuner/lora.py, `LoRALinear.from_base`. */
const DEFAULT_SCALE = 20;

/**
 * Reads adapter_config.json as mlx-lm writes it (mlx_lm/lora.py): its arguments, with `fine_tune_type`, `num_layers` and
 * `lora_parameters` {rank, scale, dropout, keys}.
 * @throws AppError CONFIG_*, UNSUPPORTED_LORA_VARIANT for a full fine-tune
 */
export function readMlxConfig(bytes: Uint8Array): MlxConfig {
  const json = parseConfigJson(bytes);
  const fields = Object.fromEntries([...json].map(([field, value]) => [field, toPlain(value, field)]));
  const type = fields.fine_tune_type ?? 'lora';
  if (type !== 'lora' && type !== 'dora') {
    const what = type === 'full' ? 'is "full", so the file has whole weights' : `is ${shown(type)}`;
    throw refuse('UNSUPPORTED_LORA_VARIANT', 'fine_tune_type', `${what}; only LoRA and DoRA can be squeezed`);
  }
  const parameters = json.get('lora_parameters');
  if (!(parameters instanceof Map))
    throw refuse(
      'CONFIG_INVALID',
      'lora_parameters',
      `must be an object, not ${shown(fields.lora_parameters)}`,
    );
  const { scale, rank, alpha } = Object.fromEntries(parameters) as Record<string, unknown>;
  const warnings: string[] = [];
  if (scale === undefined)
    warnings.push(`adapter_config.json has no scale, so MLX's default of ${DEFAULT_SCALE} applies.`);
  if (alpha !== undefined)
    warnings.push(
      'lora_parameters has an alpha, which mlx-lm ignores, so lora_parameters.scale is used as it is. The first versions of mlx-lm (early ' +
        '2024) multiplied it by alpha/rank.',
    );
  return {
    baseModel: typeof fields.model === 'string' ? fields.model : null,
    scale: scaleOf(scale),
    rank: rankOf(rank),
    isDora: type === 'dora' || fields.use_dora === true,
    fields,
    warnings,
  };
}

function scaleOf(value: unknown): number {
  if (value === undefined) return DEFAULT_SCALE;
  if (typeof value === 'number') return value;
  throw refuse('CONFIG_ALPHA', 'lora_parameters.scale', `must be a number, not ${shown(value)}`);
}

function rankOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw refuse('CONFIG_RANK', 'lora_parameters.rank', `must be a positive integer, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  return typeof value === 'object' && value !== null ? 'a list or an object' : String(value);
}

function refuse(code: ErrorCode, field: string, what: string): AppError {
  return new AppError(code, `In adapter_config.json, ${field} ${what}.`, { field });
}
