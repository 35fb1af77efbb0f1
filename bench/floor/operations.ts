import type { AdapterSpec } from '../adapter/adapter-spec.ts';

/**
 * Floating point operations whose number grows with the adapter; the r × r decompositions between them are not
 * included.
 */
export interface Operations {
  /** BᵀB and AAᵀ of every module: 2(m + n)r². */
  readonly gram: number;
  /** B·P and R·A of every module: 2(m + n)rk. */
  readonly project: number;
}

export function operations({ modules, rank }: AdapterSpec, targetRank: number): Operations {
  const features = modules.reduce((sum, { outFeatures, inFeatures }) => sum + outFeatures + inFeatures, 0);
  return { gram: 2 * features * rank * rank, project: 2 * features * rank * targetRank };
}
