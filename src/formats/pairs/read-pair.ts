import type { FactorEntry, LoraModule, ModuleKind, TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import { isFactorDtype, SQUEEZED } from '../../safetensors/dtype.ts';
import type { Pair } from './collect-pairs.ts';

/**
 * Makes a module from its factors, whatever their names are. Shapes: linear A [r, in], B [out, r]; convolution
 * A [r, in, k…], B [out, r, 1…]; embedding A [r, vocabulary], B [dim, r].
 * @throws AppError LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT,
 *   ST_VALIDATION_OVERFLOW
 */
export function readPair(name: string, pair: Pair): Omit<LoraModule, 'scale'> {
  const a = factorEntry(name, pair.a);
  const b = factorEntry(name, pair.b);
  const kind = kindOf(name, a, b, pair.embedding);
  const rank = rankOf(name, a, b);
  const m = b.shape[0]!;
  const n = a.shape.slice(1).reduce((product, dimension) => product * dimension, 1);
  if (m === 0 || n === 0) throw refusePair('LORA_RANK_DIMS', name, 'has a dimension of 0', a, b);
  if (!Number.isSafeInteger(m * n)) {
    throw refusePair(
      'ST_VALIDATION_OVERFLOW',
      name,
      `has a ΔW of ${m} × ${n}, which is more than 2^53 elements`,
      a,
      b,
    );
  }
  return { name, kind, a, b, rank, m, n };
}

/** A tensor as a factor. @throws AppError UNSUPPORTED_DTYPE */
export function factorEntry(module: string, tensor: TensorEntry): FactorEntry {
  const { dtype } = tensor;
  if (isFactorDtype(dtype)) return { ...tensor, dtype };
  throw new AppError(
    'UNSUPPORTED_DTYPE',
    `Tensor ${quote(tensor.name)} has dtype ${dtype}; only ${SQUEEZED} can be squeezed.`,
    { module, tensor: tensor.name, dtype },
  );
}

function kindOf(name: string, a: TensorEntry, b: TensorEntry, embedding: boolean): ModuleKind {
  const dimensions = a.shape.length;
  if (dimensions === 2 && b.shape.length === 2) return embedding ? 'embedding' : 'linear';
  if (embedding || dimensions < 3 || b.shape.length !== dimensions) {
    throw refusePair('LORA_RANK_DIMS', name, 'has factors whose shapes match no kind of layer', a, b);
  }
  if (b.shape.slice(2).every((size) => size === 1)) return 'conv';
  throw refusePair(
    'UNSUPPORTED_LORA_VARIANT',
    name,
    'has a second factor with dimensions for a kernel or for experts',
    a,
    b,
  );
}

function rankOf(name: string, a: TensorEntry, b: TensorEntry): number {
  const rank = a.shape[0]!;
  const rankB = b.shape[1]!;
  if (rank === 0 || rankB === 0) throw refusePair('LORA_RANK_ZERO', name, 'has rank 0', a, b);
  if (rank === rankB) return rank;
  if (a.shape.length > 2 && rankB < rank && rank % rankB === 0) {
    throw refusePair(
      'UNSUPPORTED_LORA_VARIANT',
      name,
      `is a grouped convolution (${rank / rankB} groups), which is not supported`,
      a,
      b,
    );
  }
  throw refusePair('LORA_RANK_MISMATCH', name, `has factors of different ranks (${rank} and ${rankB})`, a, b);
}

/** What is wrong with a pair of factors, as an error that names both. */
export function refusePair(
  code: ErrorCode,
  module: string,
  what: string,
  a: TensorEntry,
  b: TensorEntry,
): AppError {
  const shown = ({ name, shape }: TensorEntry): string => `${quote(name)} [${shape.join(', ')}]`;
  return new AppError(code, `Module ${quote(module)} ${what}: ${shown(a)}, ${shown(b)}.`, {
    module,
    tensors: [a.name, b.name],
  });
}
