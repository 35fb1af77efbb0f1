import { GraphBuilder } from './graph-builder.ts';

/**
 * A matrix times a number.
 *
 * Inputs: x [p, q] float32, factor (double). Outputs: y = x·factor, float32 rounded once; energy_x = ‖x‖² and
 * energy_y = ‖y‖² in float64; each is finite if and only if every number of its matrix is.
 */
export function scaleGraph(): Uint8Array {
  const graph = new GraphBuilder('scale');
  const x = graph.cast(graph.input('x', 'float', ['p', 'q']), 'double');
  const y = graph.cast(graph.mul(x, graph.input('factor', 'double', [])), 'float');
  const written = graph.cast(y, 'double');
  graph.output('y', y, 'float', ['p', 'q']);
  graph.output('energy_x', graph.sum(graph.mul(x, x), [0, 1], false), 'double', []);
  graph.output('energy_y', graph.sum(graph.mul(written, written), [0, 1], false), 'double', []);
  return graph.build();
}
