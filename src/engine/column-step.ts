import { BLOCK } from '../core/onnx/orthonormalise.ts';

/** Sketch widths are multiples of this. */
export const COLUMN_STEP = BLOCK;
