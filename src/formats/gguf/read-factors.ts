import type { TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';

/** The two tensors of one module. */
export interface FoundPair {
  /** Path of the module in llama.cpp, without ".weight": "blk.0.attn_q". */
  readonly name: string;
  readonly a: TensorEntry;
  readonly b: TensorEntry;
}

/** The sizes that the shapes of a pair show. */
export interface PairShape {
  readonly rank: number;
  readonly m: number;
  readonly n: number;
  /** Matrices in each tensor; undefined for a single matrix without an axis for it. */
  readonly experts: number | undefined;
}

const FACTOR = /^(.+)\.lora_([ab])$/;
/** Norms of the base model, which llama.cpp ignores when it loads an adapter (llama-adapter.cpp). */
const NORM = /_norm\.weight$/;

/**
 * Sorts the tensors of an adapter as llama.cpp does (llama-adapter.cpp, `llama_adapter_lora_init_impl`).
 * @throws AppError UNSUPPORTED_LORA_VARIANT for names that it does not load, LORA_UNPAIRED, LORA_DUPLICATE_MODULE,
 *   NO_LORA_TENSORS
 */
export function pairTensors(tensors: readonly TensorEntry[]): {
  pairs: FoundPair[];
  passthrough: TensorEntry[];
} {
  const halves = new Map<string, { a?: TensorEntry; b?: TensorEntry }>();
  const passthrough: TensorEntry[] = [];
  for (const tensor of tensors) {
    const [, path, factor] = FACTOR.exec(tensor.name) ?? [];
    if (path === undefined) {
      if (!NORM.test(tensor.name))
        throw refuse(
          'UNSUPPORTED_LORA_VARIANT',
          tensor,
          'is neither a LoRA factor nor a norm, so llama.cpp does not load the file',
        );
      passthrough.push(tensor);
      continue;
    }
    const module = path.replace(/\.weight$/, '');
    const half = halves.get(module) ?? {};
    const key = factor as 'a' | 'b';
    if (half[key])
      throw refuse('LORA_DUPLICATE_MODULE', tensor, `is the same factor as ${quote(half[key].name)}`);
    halves.set(module, { ...half, [key]: tensor });
  }
  const pairs = [...halves].map(([name, { a, b }]) => {
    if (!a || !b) throw refuse('LORA_UNPAIRED', (a ?? b)!, `has no partner in module ${quote(name)}`);
    return { name, a, b };
  });
  if (pairs.length > 0) return { pairs, passthrough };
  throw new AppError(
    'NO_LORA_TENSORS',
    `The GGUF file has ${counted(tensors.length, 'tensor')}, but no LoRA factor.`,
    {
      tensors: tensors.length,
    },
  );
}

/** Whether llama.cpp looks up rows of A instead of multiplying by A. */
export const isTokenEmbedding = (module: string): boolean => /(?:^|\.)token_embd(?:\.weight)?$/.test(module);

/**
 * Reads a pair's shapes: A [r, n] and B [m, r]; for experts [E, r, n] and [E, m, r]; for the token embedding A is [n, r].
 * Leading axes of 1 may be present or not, because ggml does not distinguish them.
 * @throws AppError LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_LORA_VARIANT
 */
export function readShape(pair: FoundPair): PairShape {
  const [a, b] = [matrices(pair, pair.a), matrices(pair, pair.b)];
  const isEmbedding = isTokenEmbedding(pair.name);
  const [rank, n] = isEmbedding ? [a.columns, a.rows] : [a.rows, a.columns];
  const shapes = `lora_a [${pair.a.shape.join(', ')}], lora_b [${pair.b.shape.join(', ')}]`;
  if (a.experts !== b.experts)
    throw refuse(
      'UNSUPPORTED_LORA_VARIANT',
      pair.a,
      `does not have the same number of experts as its partner: ${shapes}`,
    );
  if (a.experts !== undefined && isEmbedding)
    throw refuse('LORA_RANK_DIMS', pair.a, `belongs to an embedding with experts: ${shapes}`);
  if (rank === 0 || b.columns === 0) throw refuse('LORA_RANK_ZERO', pair.a, `has rank 0: ${shapes}`);
  if (rank !== b.columns)
    throw refuse(
      'LORA_RANK_MISMATCH',
      pair.a,
      `has rank ${rank}, but its partner has ${b.columns}: ${shapes}`,
    );
  if (b.rows === 0 || n === 0 || a.experts === 0)
    throw refuse('LORA_RANK_DIMS', pair.a, `or its partner has a dimension of 0: ${shapes}`);
  if (!Number.isSafeInteger(b.rows * n))
    throw refuse('GGUF_TENSOR_SHAPE', pair.a, `belongs to a ΔW of more than 2^53 elements: ${shapes}`);
  return { rank, m: b.rows, n, experts: a.experts };
}

function matrices(
  { name }: FoundPair,
  tensor: TensorEntry,
): { experts: number | undefined; rows: number; columns: number } {
  const shape = [...tensor.shape];
  while (shape.length > 2 && shape[0] === 1) shape.shift();
  while (shape.length < 2) shape.unshift(1);
  if (shape.length > 3)
    throw refuse(
      'LORA_RANK_DIMS',
      tensor,
      `of module ${quote(name)} has ${shape.length} dimensions; at most 3 are possible`,
    );
  const [columns, rows, experts] = shape.reverse() as [number, number, number | undefined];
  return { experts, rows, columns };
}

export function refuse(code: ErrorCode, { name }: TensorEntry, what: string): AppError {
  return new AppError(code, `In the GGUF file, tensor ${quote(name)} ${what}.`, { tensor: name });
}
