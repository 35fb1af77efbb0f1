import type { FactorEntry, LoraModule, ModuleKind, TensorEntry } from '../../adapter/adapter.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import { quote } from '../../json/quote.ts';
import { isFactorDtype } from '../../safetensors/dtype.ts';
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
 * @throws AppError LORA_UNPAIRED, LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, CONFIG_RANK_MISMATCH,
 *   UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
export function readModule(name: string, pair: FactorPair, config: PeftConfig): LoraModule {
  if (!pair.a || !pair.b) {
    const [has, lacks] = pair.a ? ['lora_A', 'lora_B'] : ['lora_B', 'lora_A'];
    throw refuse('LORA_UNPAIRED', name, `has ${has} but no ${lacks}`);
  }
  const a = factor(name, pair.a);
  const b = factor(name, pair.b);
  const kind = kindOf(name, a, b, pair.embedding);
  const rank = rankOf(name, a, b);
  checkConfigRank(name, rank, config);
  const m = b.shape[0]!;
  const n = a.shape.slice(1).reduce((product, dimension) => product * dimension, 1);
  if (m === 0 || n === 0) throw refuse('LORA_RANK_DIMS', name, `a dimension is 0: ${shapes(a, b)}`);
  if (!Number.isSafeInteger(m * n)) {
    throw refuse('ST_VALIDATION_OVERFLOW', name, `ΔW of ${m} × ${n} has more than 2^53 elements`);
  }
  return { name, kind, a, b, rank, m, n, scale: scaleOf(name, rank, config) };
}

function factor(module: string, tensor: TensorEntry): FactorEntry {
  const { dtype } = tensor;
  if (isFactorDtype(dtype)) return { ...tensor, dtype };
  throw new AppError(
    'UNSUPPORTED_DTYPE',
    `tensor ${quote(tensor.name)}: dtype ${dtype} cannot be squeezed; F32, F16 and BF16 can`,
    { module, tensor: tensor.name, dtype },
  );
}

function kindOf(name: string, a: TensorEntry, b: TensorEntry, embedding: boolean): ModuleKind {
  const dimensions = a.shape.length;
  if (dimensions === 2 && b.shape.length === 2) return embedding ? 'embedding' : 'linear';
  if (embedding || dimensions < 3 || b.shape.length !== dimensions) {
    throw refuse('LORA_RANK_DIMS', name, `the shapes fit no kind of layer: ${shapes(a, b)}`);
  }
  if (b.shape.slice(2).every((size) => size === 1)) return 'conv';
  throw refuse('UNSUPPORTED_LORA_VARIANT', name, `factors with a dimension for experts: ${shapes(a, b)}`);
}

function rankOf(name: string, a: TensorEntry, b: TensorEntry): number {
  const rank = a.shape[0]!;
  const rankB = b.shape[1]!;
  if (rank === 0 || rankB === 0) throw refuse('LORA_RANK_ZERO', name, `the rank is 0: ${shapes(a, b)}`);
  if (rank === rankB) return rank;
  if (a.shape.length > 2 && rankB < rank && rank % rankB === 0) {
    throw refuse(
      'UNSUPPORTED_LORA_VARIANT',
      name,
      `a grouped convolution (${rank / rankB} groups): ${shapes(a, b)}`,
    );
  }
  throw refuse(
    'LORA_RANK_MISMATCH',
    name,
    `lora_A has rank ${rank}, lora_B has rank ${rankB}: ${shapes(a, b)}`,
  );
}

function checkConfigRank(name: string, rank: number, config: PeftConfig): void {
  const override = config.rankPattern.find(name);
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

function shapes(a: TensorEntry, b: TensorEntry): string {
  return `lora_A [${a.shape.join(', ')}], lora_B [${b.shape.join(', ')}]`;
}

function refuse(code: ErrorCode, module: string, what: string): AppError {
  return new AppError(code, `module ${quote(module)}: ${what}`, { module });
}
