import { GraphBuilder, type Value } from './graph-builder.ts';
import { type OutputGrid, roundToGrid } from './output-grid.ts';
import { transfer } from './transfer.ts';

/**
 * Writes one chunk of a module at rank k, and gathers what is needed to measure what was written.
 *
 * Inputs: b [m, r] and a [r, n] float32, some rows of B and some columns of A; those of transfer; and what earlier
 * chunks have summed up: cross_b_before, cross_a_before [r, k], own_b_before, own_a_before [k, k].
 * Outputs: b_out = B·p·σ^split·factor_b [m, k] and a_out = σ^−split·r·A·factor_a [k, n], float32 holding numbers of
 * the output grids exactly; the sums cross_b = Bᵀ·b_out, cross_a = A·a_outᵀ, own_b = b_outᵀ·b_out and
 * own_a = a_out·a_outᵀ for measureGraph.
 */
export function projectGraph(gridB: OutputGrid, gridA: OutputGrid): Uint8Array {
  const graph = new GraphBuilder(`project_${gridB}_${gridA}`);
  const b = graph.cast(graph.input('b', 'float', ['m', 'r']), 'double');
  const a = graph.cast(graph.input('a', 'float', ['r', 'n']), 'double');
  const { p, r } = transfer(graph);

  const bOut = roundToGrid(graph, graph.matmul(b, p), gridB);
  const aOut = roundToGrid(graph, graph.matmul(r, a), gridA);
  graph.output('b_out', bOut.float, 'float', ['m', 'k']);
  graph.output('a_out', aOut.float, 'float', ['k', 'n']);

  const sum = (name: string, dims: readonly [string, string], product: Value): void =>
    graph.output(name, graph.add(graph.input(`${name}_before`, 'double', dims), product), 'double', dims);
  const leftProduct = (x: Value, y: Value): Value => graph.op('Gemm', [x, y], { transA: { int: 1 } });
  const rightProduct = (x: Value, y: Value): Value => graph.op('Gemm', [x, y], { transB: { int: 1 } });
  sum('cross_b', ['r', 'k'], leftProduct(b, bOut.double));
  sum('cross_a', ['r', 'k'], rightProduct(a, aOut.double));
  sum('own_b', ['k', 'k'], leftProduct(bOut.double, bOut.double));
  sum('own_a', ['k', 'k'], rightProduct(aOut.double, aOut.double));
  return graph.build();
}

/**
 * From the sums of projectGraph over a whole module: inner = ⟨B·A, b_out·a_out⟩ and energy = ‖b_out·a_out‖², of the
 * factors as they were rounded; energy_b = ‖b_out‖², energy_a = ‖a_out‖². None is finite when a number overflowed
 * its grid.
 */
export function measureGraph(): Uint8Array {
  const graph = new GraphBuilder('measure');
  const crossB = graph.input('cross_b', 'double', ['r', 'k']);
  const crossA = graph.input('cross_a', 'double', ['r', 'k']);
  const ownB = graph.input('own_b', 'double', ['k', 'k']);
  const ownA = graph.input('own_a', 'double', ['k', 'k']);
  const dot = (x: Value, y: Value): Value => graph.sum(graph.mul(x, y), [0, 1], false);
  const trace = (x: Value): Value => dot(x, graph.op('EyeLike', [x]));
  graph.output('inner', dot(crossB, crossA), 'double', []);
  graph.output('energy', dot(ownB, ownA), 'double', []);
  graph.output('energy_b', trace(ownB), 'double', []);
  graph.output('energy_a', trace(ownA), 'double', []);
  return graph.build();
}
