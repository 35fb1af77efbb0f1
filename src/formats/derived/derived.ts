import type { Derivation } from '../../adapter/staging-plan.ts';

/** An update that is no plain pair, and what is to be made of it. */
export interface DerivedModule {
  readonly derivation: Derivation;
  /** As the shapes of its tensors show it, [] for a linear layer; null where a flattened convolution looks the same. */
  readonly kernel: readonly number[] | null;
  readonly scale: number;
  /** How the source had it, for people. */
  readonly from: 'LoHa' | 'LoKr' | 'AdaLoRA' | 'Tucker' | 'full';
  /** Whether the factors leave nothing out. */
  readonly isExact: boolean;
}

/**
 * Rank of the factors of an update of full rank: what extracting a LoRA from a whole model usually takes at most. What
 * it leaves out is measured and reported.
 */
export const MAX_DENSE_RANK = 128;

/**
 * The rank to make of an update that has factors of `exact`: these, unless they are no smaller than the update.
 * @param exact Infinity where there are none
 */
export function rankFor(exact: number, m: number, n: number): { rank: number; isExact: boolean } {
  const smaller = Math.min(m, n);
  if (exact < smaller) return { rank: exact, isExact: true };
  return { rank: Math.min(smaller, MAX_DENSE_RANK), isExact: smaller <= MAX_DENSE_RANK };
}
