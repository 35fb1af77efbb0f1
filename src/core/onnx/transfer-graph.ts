import { GraphBuilder } from './graph-builder.ts';
import { transfer } from './transfer.ts';

/**
 * The matrices that take a module's factors to rank k, for whoever trains on: B′ = B·P and A′ = R·A.
 *
 * Inputs: see transfer. Outputs: p_out [r, k], r_out [k, r], float64.
 */
export function transferGraph(): Uint8Array {
  const graph = new GraphBuilder('transfer');
  const { p, r } = transfer(graph);
  graph.output('p_out', p, 'double', ['r', 'k']);
  graph.output('r_out', r, 'double', ['k', 'r']);
  return graph.build();
}
