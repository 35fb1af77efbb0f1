import { GraphBuilder, type Value } from './graph-builder.ts';
import { type OutputGrid, roundToGrid } from './output-grid.ts';
import { transfer } from './transfer.ts';

/**
 * Writes one chunk of some modules of one shape at rank k, and collects what is needed to measure the written
 * factors.
 *
 * Inputs: b [N, m, r] and a [N, r, n] float32, some rows of B and some columns of A; those of transfer; and the
 * sums of the earlier chunks: cross_b_before, cross_a_before [N, r, k], own_b_before, own_a_before [N, k, k].
 * Outputs: b_out = B·p·σ^split·factor_b [N, m, k] and a_out = σ^−split·r·A·factor_a [N, k, n], float32 with numbers
 * that the output grids represent exactly; the sums cross_b = Bᵀ·b_out, cross_a = A·a_outᵀ, own_b = b_outᵀ·b_out and
 * own_a = a_out·a_outᵀ for measureGraph.
 */
export function projectGraph(gridB: OutputGrid, gridA: OutputGrid): Uint8Array {
  const graph = new GraphBuilder(`project_${gridB}_${gridA}`);
  const b = graph.cast(graph.input('b', 'float', ['N', 'm', 'r']), 'double');
  const a = graph.cast(graph.input('a', 'float', ['N', 'r', 'n']), 'double');
  const { p, r } = transfer(graph);

  const bOut = roundToGrid(graph, graph.matmul(b, p), gridB);
  const aOut = roundToGrid(graph, graph.matmul(r, a), gridA);
  graph.output('b_out', bOut.float, 'float', ['N', 'm', 'k']);
  graph.output('a_out', aOut.float, 'float', ['N', 'k', 'n']);

  const sum = (name: string, dims: readonly [string, string], product: Value): void => {
    const shape = ['N', ...dims];
    graph.output(name, graph.add(graph.input(`${name}_before`, 'double', shape), product), 'double', shape);
  };
  const bRows = graph.transposeStack(bOut.double);
  const aRows = graph.transposeStack(aOut.double);
  // The narrower matrix is transposed.
  sum('cross_b', ['r', 'k'], graph.transposeStack(graph.matmul(bRows, b)));
  sum('cross_a', ['r', 'k'], graph.matmul(a, aRows));
  sum('own_b', ['k', 'k'], graph.matmul(bRows, bOut.double));
  sum('own_a', ['k', 'k'], graph.matmul(aOut.double, aRows));
  return graph.build();
}

/**
 * From the sums of projectGraph over whole modules: inner [N] = ⟨B·A, b_out·a_out⟩ and energy [N] = ‖b_out·a_out‖²,
 * of the factors as they were rounded; energy_b [N] = ‖b_out‖², energy_a [N] = ‖a_out‖². None of them is finite if a
 * number overflowed its grid.
 */
export function measureGraph(): Uint8Array {
  const graph = new GraphBuilder('measure');
  const crossB = graph.input('cross_b', 'double', ['N', 'r', 'k']);
  const crossA = graph.input('cross_a', 'double', ['N', 'r', 'k']);
  const ownB = graph.input('own_b', 'double', ['N', 'k', 'k']);
  const ownA = graph.input('own_a', 'double', ['N', 'k', 'k']);
  const dot = (x: Value, y: Value): Value => graph.sum(graph.mul(x, y), [1, 2], false);
  const one = graph.op('Squeeze', [graph.slice(ownB, 0, 0, 1), graph.ints([0])]);
  const trace = (x: Value): Value => dot(x, graph.op('EyeLike', [one]));
  graph.output('inner', dot(crossB, crossA), 'double', ['N']);
  graph.output('energy', dot(ownB, ownA), 'double', ['N']);
  graph.output('energy_b', trace(ownB), 'double', ['N']);
  graph.output('energy_a', trace(ownA), 'double', ['N']);
  return graph.build();
}
