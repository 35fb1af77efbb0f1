import type { Derivation } from '../../adapter/staging-plan.ts';

/** An update that is not a plain pair of factors, and how to derive a pair from it. */
export interface DerivedModule {
  readonly derivation: Derivation;
  /** As the shapes of its tensors show it, [] for a linear layer; null where a flattened convolution looks the same. */
  readonly kernel: readonly number[] | null;
  readonly scale: number;
  /** The kind of update in the source, for messages. */
  readonly from: 'LoHa' | 'LoKr' | 'AdaLoRA' | 'Tucker' | 'full';
  /** Whether the factors represent the whole update. */
  readonly isExact: boolean;
}

/**
 * The largest rank of the factors of an update of full rank: the usual maximum when a LoRA is extracted from a whole model. The
 * part that is left out is measured and reported.
 */
export const MAX_DENSE_RANK = 128;

/**
 * The rank of the factors of an update that has exact factors of rank `exact`: that rank, unless such factors are not smaller than the
 * update.
 * @param exact Infinity if no exact factors are known
 */
export function rankFor(exact: number, m: number, n: number): { rank: number; isExact: boolean } {
  const smaller = Math.min(m, n);
  if (exact < smaller) return { rank: exact, isExact: true };
  return { rank: Math.min(smaller, MAX_DENSE_RANK), isExact: smaller <= MAX_DENSE_RANK };
}
