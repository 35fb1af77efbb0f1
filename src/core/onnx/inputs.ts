import type { GraphBuilder, Value } from './graph-builder.ts';

/**
 * How a matrix x is given to a graph, in float32:
 *
 * - plain: x.
 * - product: x_left·x_right.
 * - core: a core of a Tucker decomposition x_core [i, j, k] times x_factor [j, r], flattened to [i, r·k].
 * - side: x_side [i, h] transposed, times what `core` is: [h, r·k].
 */
export type InputForm = 'plain' | 'product' | 'core' | 'side';

/** Declares the inputs of a matrix. @returns it in float64, two axes */
export function matrixInput(graph: GraphBuilder, name: string, form: InputForm): Value {
  const input = (part: string, axes: number): Value => {
    const dims = Array.from({ length: axes }, (_, axis) => `${part}_${axis}`);
    return graph.cast(graph.input(part, 'float', dims), 'double');
  };
  switch (form) {
    case 'plain':
      return input(name, 2);
    case 'product':
      return graph.matmul(input(`${name}_left`, 2), input(`${name}_right`, 2));
    case 'core': {
      const collapsed = collapse(graph, input(`${name}_core`, 3), input(`${name}_factor`, 2));
      return graph.op('Flatten', [collapsed], { axis: { int: 1 } });
    }
    case 'side':
      return graph.matmul(graph.transpose(input(`${name}_side`, 2)), matrixInput(graph, name, 'core'));
  }
}

/** Σⱼ core[i, j, k]·factor[j, r], as [i, r, k]. */
function collapse(graph: GraphBuilder, core: Value, factor: Value): Value {
  return graph.transposeStack(graph.matmul(graph.transposeStack(core), factor));
}
