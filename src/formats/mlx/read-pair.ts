import type { FactorEntry, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import type { StagedTensor } from '../../adapter/staging-plan.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import type { Pair } from '../pairs/collect-pairs.ts';
import { factorEntry } from '../pairs/read-pair.ts';
import { stackedModules } from '../stacked-modules.ts';

/** A pair whose shapes are understood, and the plain factors to be made of it: A [.., r, n], B [.., m, r]. */
export interface MlxPair {
  readonly name: string;
  readonly kind: LoraModule['kind'];
  readonly rank: number;
  readonly m: number;
  readonly n: number;
  /** Matrices in each tensor; undefined for one without an axis of its own. */
  readonly experts: number | undefined;
  /** A of experts as one matrix, [E·r, n]: older versions of mlx-lm. */
  readonly isFlat: boolean;
  readonly staged: readonly [a: StagedTensor, b: StagedTensor];
}

/**
 * Reads the factors of a module. Layers have a [in, r] and b [r, out], both transposed, embeddings a [num, r] and
 * b [r, dim]; the experts of a mixture a [E, r, in] (or [E·r, in]) and b [E, out, r], as they are (mlx_lm/tuner/lora.py).
 * @throws AppError LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_DTYPE, ST_VALIDATION_OVERFLOW
 */
export function readMlxPair(name: string, { a, b, embedding }: Pair): MlxPair {
  const isFlat = a.shape.length === 2 && b.shape.length === 3;
  const isStack = (a.shape.length === 3 || isFlat) && b.shape.length === 3;
  if (!isStack && (a.shape.length !== 2 || b.shape.length !== 2))
    throw refuse('LORA_RANK_DIMS', name, 'the shapes fit no kind of layer', a, b);
  const experts = isStack ? b.shape[0]! : undefined;
  const stackShape = isFlat ? [experts!, a.shape[0]! / experts!, a.shape[1]!] : a.shape;
  const [rank, n] = (isStack ? stackShape.slice(1) : [...a.shape].reverse()) as [number, number];
  const [m, rankB] = (isStack ? b.shape.slice(1) : [...b.shape].reverse()) as [number, number];
  if (isStack && stackShape[0] !== experts)
    throw refuse('LORA_RANK_DIMS', name, 'the factors have different numbers of experts', a, b);
  if (rank === 0 || rankB === 0) throw refuse('LORA_RANK_ZERO', name, 'the rank is 0', a, b);
  if (rank !== rankB)
    throw refuse('LORA_RANK_MISMATCH', name, `the factors have ranks ${rank} and ${rankB}`, a, b);
  if (m === 0 || n === 0 || experts === 0) throw refuse('LORA_RANK_DIMS', name, 'a dimension is 0', a, b);
  if (!Number.isSafeInteger(m * n))
    throw refuse('ST_VALIDATION_OVERFLOW', name, `ΔW of ${m} × ${n} has more than 2^53 elements`, a, b);
  const lead = experts === undefined ? [] : [experts];
  return {
    name,
    kind: embedding && !isStack ? 'embedding' : 'linear',
    rank,
    m,
    n,
    experts,
    isFlat,
    staged: [stagedFactor(name, a, [...lead, rank, n]), stagedFactor(name, b, [...lead, m, rank])],
  };
}

/** The module, or one for each expert. @param entries of the file that is made */
export function modulesOf(
  { name, kind, rank, m, n, experts, staged }: MlxPair,
  entries: ReadonlyMap<string, TensorEntry>,
  scale: number,
): LoraModule[] {
  const [a, b] = staged.map((one) => entries.get(one.name) as FactorEntry) as [FactorEntry, FactorEntry];
  return stackedModules({ name, kind, a, b, rank, m, n, scale }, experts);
}

function stagedFactor(module: string, entry: TensorEntry, shape: readonly number[]): StagedTensor {
  const { name } = entry;
  const dtype = factorEntry(module, entry).dtype;
  return shape.length === 3
    ? { name, dtype, shape, source: { kind: 'copy', entry } }
    : { name, dtype, shape, source: { kind: 'permute', entry, shape: entry.shape, axes: [1, 0] } };
}

function refuse(code: ErrorCode, module: string, what: string, a: TensorEntry, b: TensorEntry): AppError {
  const shown = ({ name, shape }: TensorEntry): string => `${quote(name)} [${shape.join(', ')}]`;
  return new AppError(code, `module ${quote(module)}: ${what}: ${shown(a)}, ${shown(b)}`, {
    module,
    tensors: [a.name, b.name],
  });
}
