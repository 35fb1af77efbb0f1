import type { Directions } from '../engine/kernel-types.ts';

/** ΔW = (B·I)·(I·A) with σ = 1: projecting with it only rescales and rounds. */
export function identity(rank: number): Directions {
  const eye = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) eye[i * rank + i] = 1;
  return { count: rank, p: eye, r: eye, sigma: new Float64Array(rank).fill(1) };
}
