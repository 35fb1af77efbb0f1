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
 * Makes modules from the factors of one path. For LoRA on parameters (peft/tuners/lora/layer.py, `ParamWrapper`) they
 * stack E experts of rank r: A [E·r, in] is E matrices one below the other, B [out, r·E] has the expert as its inner
 * index, and ΔW of expert e is scale·B[:, :, e]·A[e]. "in" and "out" are those of the factors: PEFT has swapped the sides
 * between releases, which does not change the products.
 *
 * The experts' entries of B are those of the stack with the expert outermost, [E, out, r], which no source has.
 * @param parameters that the path may stand for; none for an ordinary module
 * @returns one module for each expert, "….gate_up_proj#3", or one module for a single matrix
 * @throws AppError as readModule
 */
export function readModules(
  path: string,
  pair: FactorPair,
  config: PeftConfig,
  parameters: readonly string[] | undefined,
): LoraModule[] {
  const { a, b } = pair;
  if (!parameters || a?.shape.length !== 2 || b?.shape.length !== 2) return [readModule(path, pair, config)];
  const rank = commonRank(path, parameters, config);
  const stacked = a.shape[0]!;
  const count = stacked / rank;
  if (count === 1) return [readModule(path, pair, config, parameters)];
  if (!Number.isInteger(count) || count === 0 || b.shape[1] !== stacked) {
    // A target without a path, such as "weight", may refer to other modules only.
    if (stacked === (config.rankPattern.find(path) ?? config.rank)) return [readModule(path, pair, config)];
    throw noStack(path, a, b, rank);
  }
  const name = parameters.length === 1 ? parameters[0]! : path;
  return Array.from({ length: count }, (_, index): LoraModule => {
    const expert = {
      a: part(a, [rank, a.shape[1]!], index, count),
      b: part(b, [b.shape[0]!, rank], index, count),
      embedding: false,
    };
    return { ...readModule(`${name}#${index}`, expert, config, parameters), expert: { index, count } };
  });
}

/** The rank of one expert. @throws AppError UNSUPPORTED_LORA_VARIANT if it depends on the parameter and that is unknown */
function commonRank(path: string, parameters: readonly string[], config: PeftConfig): number {
  const values = (table: PeftConfig['rankPattern'], other: number): number[] => [
    ...new Set(parameters.map((name) => table.find(name) ?? other)),
  ];
  const ranks = values(config.rankPattern, config.rank);
  const alphas = values(config.alphaPattern, config.alpha);
  if (ranks.length === 1 && alphas.length === 1) return ranks[0]!;
  throw new AppError(
    'UNSUPPORTED_LORA_VARIANT',
    `Module ${quote(path)}: adapter_config.json gives ${parameters.join(' and ')} different ranks or alphas, but the ` +
      'file does not show to which of them this module belongs.',
    { module: path, parameters: [...parameters] },
  );
}

function part(entry: TensorEntry, shape: readonly number[], index: number, count: number): TensorEntry {
  const bytes = (entry.endByte - entry.beginByte) / count;
  const beginByte = entry.beginByte + index * bytes;
  return { ...entry, shape, beginByte, endByte: beginByte + bytes };
}

function noStack(path: string, a: TensorEntry, b: TensorEntry, rank: number): AppError {
  return new AppError(
    'CONFIG_RANK_MISMATCH',
    `Module ${quote(path)}: lora_A [${a.shape.join(', ')}] and lora_B [${b.shape.join(', ')}] are not a stack of experts ` +
      `of rank ${rank}, the rank in adapter_config.json.`,
    { module: path, rank },
  );
}

/**
 * Makes a module from its factors (peft/tuners/lora/layer.py). Shapes: linear A [r, in], B [out, r]; convolution
 * A [r, in, k…], B [out, r, 1…]; embedding A [r, vocabulary], B [dim, r] with ΔW = scale·(B·A)ᵀ.
 * @param known names under which the configuration has its rank and alpha, which are the same for all of them
 * @throws AppError LORA_UNPAIRED, LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, CONFIG_RANK_MISMATCH,
 *   UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
function readModule(
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
    `Tensor ${quote(tensor)} has no partner, because module ${quote(module)} has no ${factors}${a ? 'B' : 'A'}.`,
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
    `the tensors have rank ${rank}, but ${source} of adapter_config.json is ${expected}`,
  );
}

/** A module with a rank of its own still has the global alpha; only alpha_pattern changes that. */
function scaleOf(name: string, rank: number, config: PeftConfig): number {
  const alpha = config.alphaPattern.find(name) ?? config.alpha;
  return alpha / (config.useRslora ? Math.sqrt(rank) : rank);
}

function refuse(code: ErrorCode, module: string, what: string): AppError {
  return new AppError(code, `Module ${quote(module)}: ${what}.`, { module });
}
