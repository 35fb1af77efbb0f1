import { BLOCK } from '../core/onnx/orthonormalise.ts';

/** Sketch widths are multiples of this. */
export const COLUMN_STEP = BLOCK;

/** Below COLUMN_STEP, widths are multiples of this. */
const SMALL_STEP = 4;

/** @returns the width of the exact decomposition of modules of this rank: the smallest width that the graphs accept */
export const exactColumns = (rank: number): number => {
  const step = rank < COLUMN_STEP ? SMALL_STEP : COLUMN_STEP;
  return Math.ceil(rank / step) * step;
};
