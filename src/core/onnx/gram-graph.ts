import { GraphBuilder } from './graph-builder.ts';

/**
 * The two Gram matrices of one module: everything the decomposition needs to know of it.
 * Inputs: b [m, r], a [r, n] float32. Outputs: gram_b = BᵀB, gram_a = AAᵀ, both float64 [r, r], summed in float64.
 */
export function gramGraph(): Uint8Array {
  const graph = new GraphBuilder('gram');
  const b = graph.cast(graph.input('b', 'float', ['m', 'r']), 'double');
  const a = graph.cast(graph.input('a', 'float', ['r', 'n']), 'double');
  graph.output('gram_b', graph.op('Gemm', [b, b], { transA: { int: 1 } }), 'double', ['r', 'r']);
  graph.output('gram_a', graph.op('Gemm', [a, a], { transB: { int: 1 } }), 'double', ['r', 'r']);
  return graph.build();
}
