import type { FloatDtype } from '../half.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';

/** What results are rounded to, inside the graph. */
export type OutputGrid = 'float' | 'float16' | 'bfloat16';

/** Rounds to the grid. The outputs have equal numbers: as float32 to be written, as float64 to be measured. */
export function roundToGrid(
  graph: GraphBuilder,
  x: Value,
  grid: OutputGrid,
): { float: Value; double: Value } {
  const float = graph.cast(x, 'float');
  const rounded = grid === 'float' ? float : graph.cast(graph.cast(float, grid), 'float');
  return { float: rounded, double: graph.cast(rounded, 'double') };
}

/** What a graph rounds to for a file's dtype. */
export const GRID_OF_DTYPE: Readonly<Record<FloatDtype, OutputGrid>> = {
  F32: 'float',
  F16: 'float16',
  BF16: 'bfloat16',
};
