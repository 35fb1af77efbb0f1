import type { LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import { readPair } from '../pairs/read-pair.ts';
import type { PeftConfig } from './read-config.ts';

/** The two factors found for one module, so far. */
export interface FactorPair {
  readonly a?: TensorEntry;
  readonly b?: TensorEntry;
  readonly embedding: boolean;
}

/**
 * Makes a module of its factors (peft/tuners/lora/layer.py). Shapes: linear A [r, in], B [out, r]; convolution
 * A [r, in, k…], B [out, r, 1…]; embedding A [r, vocabulary], B [dim, r] with ΔW = scale·(B·A)ᵀ.
 * @param known under what the configuration has its rank and alpha; they are the same for all of these names
 * @throws AppError LORA_UNPAIRED, LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, CONFIG_RANK_MISMATCH,
 *   UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
export function readModule(
  name: string,
  pair: FactorPair,
  config: PeftConfig,
  known: readonly string[] = [name],
): LoraModule {
  if (!pair.a || !pair.b) throw unpaired(name, pair);
  const module = readPair(name, { ...pair, a: pair.a, b: pair.b });
  checkConfigRank(name, known[0]!, module.rank, config);
  return { ...module, scale: scaleOf(known[0]!, module.rank, config) };
}

function unpaired(module: string, { a, b, embedding }: FactorPair): AppError {
  const tensor = (a ?? b)!.name;
  const factors = embedding ? 'lora_embedding_' : 'lora_';
  return new AppError(
    'LORA_UNPAIRED',
    `tensor ${quote(tensor)} has no partner: module ${quote(module)} has no ${factors}${a ? 'B' : 'A'}`,
    { module, tensor },
  );
}

function checkConfigRank(name: string, known: string, rank: number, config: PeftConfig): void {
  const override = config.rankPattern.find(known);
  const expected = override ?? config.rank;
  if (rank === expected) return;
  const source = override === undefined ? 'r' : 'rank_pattern';
  throw refuse(
    'CONFIG_RANK_MISMATCH',
    name,
    `the tensors have rank ${rank}, ${source} of adapter_config.json says ${expected}`,
  );
}

/** A rank of its own leaves a module with the global alpha; only alpha_pattern changes that. */
function scaleOf(name: string, rank: number, config: PeftConfig): number {
  const alpha = config.alphaPattern.find(name) ?? config.alpha;
  return alpha / (config.useRslora ? Math.sqrt(rank) : rank);
}

function refuse(code: ErrorCode, module: string, what: string): AppError {
  return new AppError(code, `module ${quote(module)}: ${what}`, { module });
}
