import type { TensorEntry } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import { quote } from '../../json/quote.ts';
import { refuseForeign, refuseUnusable } from './foreign-tensors.ts';

/** What the name of a tensor shows, in a format with two tensors for each module. */
export type PairKey =
  | {
      readonly role: 'factor';
      readonly module: string;
      readonly factor: 'a' | 'b';
      readonly embedding: boolean;
    }
  /** A number, a bias of B or a vector of magnitudes that belongs to a module. */
  | { readonly role: 'alpha' | 'bias' | 'magnitude'; readonly module: string }
  /** Belongs to LoRA in an unknown way. */
  | { readonly role: 'unknown-lora' }
  /** An embedding, a norm, … */
  | { readonly role: 'other' };

/** The two factors of one module. */
export interface Pair {
  readonly a: TensorEntry;
  readonly b: TensorEntry;
  readonly embedding: boolean;
}

/** The tensors of a file by their role. */
export interface CollectedPairs {
  /** By module. */
  readonly pairs: ReadonlyMap<string, Pair>;
  /** By module; each has a pair. */
  readonly alphas: ReadonlyMap<string, TensorEntry>;
  /** What is carried over, sorted by name: biases and magnitudes too. */
  readonly passthrough: readonly TensorEntry[];
  readonly hasBias: boolean;
  /** By module; each has a pair. */
  readonly magnitudes: ReadonlyMap<string, TensorEntry>;
}

/**
 * Sorts the tensors of a file into pairs and the rest.
 * @param format that the file is of
 * @throws AppError naming the tensor: FORMAT_MIXED, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT, LORA_DUPLICATE_MODULE,
 *   LORA_UNPAIRED; NO_LORA_TENSORS
 */
export function collectPairs(
  format: FormatName,
  tensors: readonly TensorEntry[],
  readKey: (name: string) => PairKey,
): CollectedPairs {
  const halves = new Map<string, Partial<Pair>>();
  const alphas = new Map<string, TensorEntry>();
  /** Tensors that belong to a pair, with their module. */
  const attached: (readonly [TensorEntry, string])[] = [];
  const passthrough: TensorEntry[] = [];
  const magnitudes = new Map<string, TensorEntry>();
  let hasBias = false;
  for (const tensor of tensors) {
    refuseUnusable(tensor);
    refuseForeign(format, tensor);
    const key = readKey(tensor.name);
    if (key.role === 'unknown-lora') {
      throw new AppError(
        'UNSUPPORTED_LORA_VARIANT',
        `Tensor ${quote(tensor.name)} belongs to an unknown variant of LoRA.`,
        { tensor: tensor.name },
      );
    }
    if (key.role === 'factor') {
      addFactor(halves, key, tensor);
      continue;
    }
    if (key.role !== 'other') attached.push([tensor, key.module]);
    if (key.role === 'alpha') {
      const other = alphas.get(key.module);
      if (other) throw duplicateModule(key.module, other, tensor);
      alphas.set(key.module, tensor);
      continue;
    }
    if (key.role === 'magnitude') {
      const other = magnitudes.get(key.module);
      if (other) throw duplicateModule(key.module, other, tensor);
      magnitudes.set(key.module, tensor);
    }
    hasBias ||= key.role === 'bias';
    passthrough.push(tensor);
  }
  for (const [tensor, module] of attached) {
    if (!halves.has(module)) throw unpaired(tensor, `belongs to a module without factors, ${quote(module)}`);
  }
  return {
    pairs: complete(halves, tensors.length),
    alphas,
    passthrough: passthrough.sort(byName),
    hasBias,
    magnitudes,
  };
}

function addFactor(
  halves: Map<string, Partial<Pair>>,
  { module, factor, embedding }: Extract<PairKey, { role: 'factor' }>,
  tensor: TensorEntry,
): void {
  const half = halves.get(module);
  const other = half?.[factor] ?? (half && half.embedding !== embedding ? (half.a ?? half.b) : undefined);
  if (other) throw duplicateModule(module, other, tensor);
  halves.set(module, { ...half, embedding, [factor]: tensor });
}

function complete(halves: ReadonlyMap<string, Partial<Pair>>, tensors: number): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const [module, { a, b, embedding = false }] of halves) {
    if (!a || !b) throw unpaired((a ?? b)!, `has no partner in module ${quote(module)}`);
    pairs.set(module, { a, b, embedding });
  }
  if (pairs.size > 0) return pairs;
  throw new AppError(
    'NO_LORA_TENSORS',
    `The weights have ${counted(tensors, 'tensor')}, but no LoRA factor.`,
    { tensors },
  );
}

const unpaired = ({ name }: TensorEntry, what: string): AppError =>
  new AppError('LORA_UNPAIRED', `Tensor ${quote(name)} ${what}.`, { tensor: name });

export const duplicateModule = (module: string, one: TensorEntry, other: TensorEntry): AppError =>
  new AppError(
    'LORA_DUPLICATE_MODULE',
    `Module ${quote(module)} appears twice: ${quote(one.name)} and ${quote(other.name)}.`,
    { module, tensors: [one.name, other.name] },
  );
