import { GraphBuilder } from './graph-builder.ts';

/**
 * A weighted sum of tensors.
 *
 * Inputs: x [p, q] float32, one tensor in each row; factors [1, p] (double). Outputs: y = factors·x [1, q],
 * added in float64 and rounded once to float32; energies_x [p] = ‖xᵢ‖² and energy_y = ‖y‖² in float64. An
 * energy is infinite or NaN exactly if a number of that tensor, or of y, is.
 */
export function sumGraph(): Uint8Array {
  const graph = new GraphBuilder('sum');
  const x = graph.cast(graph.input('x', 'float', ['p', 'q']), 'double');
  const y = graph.cast(graph.matmul(graph.input('factors', 'double', [1, 'p']), x), 'float');
  const written = graph.cast(y, 'double');
  graph.output('y', y, 'float', [1, 'q']);
  graph.output('energies_x', graph.sum(graph.mul(x, x), [1], false), 'double', ['p']);
  graph.output('energy_y', graph.sum(graph.mul(written, written), [0, 1], false), 'double', []);
  return graph.build();
}
