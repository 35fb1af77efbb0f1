import type { FloatDtype } from '../core/half.ts';
import type { OutputGrid } from '../core/onnx/output-grid.ts';

/** What a graph rounds to for a file's dtype. */
export const GRID: Readonly<Record<FloatDtype, OutputGrid>> = {
  F32: 'float',
  F16: 'float16',
  BF16: 'bfloat16',
};
