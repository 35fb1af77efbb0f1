import { GraphBuilder, type Value } from './graph-builder.ts';

/** What the results are rounded to, inside the graph. */
export type OutputGrid = 'float' | 'float16' | 'bfloat16';

/**
 * Writes one chunk of a module at rank k, and gathers what is needed to measure what was written.
 *
 * Inputs: b [m, r] and a [r, n] float32, some rows of B and some columns of A; p [r, l], r [l, r], sigma [l] float64
 * of the core graph; k (int64 scalar); split (double: the share of σ that goes into B, ½ is balanced); factor_b,
 * factor_a (double: the module's scale, taken apart); and what earlier chunks have summed up: cross_b_before,
 * cross_a_before [r, k], own_b_before, own_a_before [k, k].
 * Outputs: b_out = B·p·σ^split·factor_b [m, k] and a_out = σ^−split·r·A·factor_a [k, n], float32 holding numbers of
 * the output grids exactly; the sums cross_b = Bᵀ·b_out, cross_a = A·a_outᵀ, own_b = b_outᵀ·b_out and
 * own_a = a_out·a_outᵀ for measureGraph.
 * A direction with σ = 0 comes out as zeros in both.
 */
export function projectGraph(gridB: OutputGrid, gridA: OutputGrid): Uint8Array {
  const graph = new GraphBuilder(`project_${gridB}_${gridA}`);
  const b = graph.cast(graph.input('b', 'float', ['m', 'r']), 'double');
  const a = graph.cast(graph.input('a', 'float', ['r', 'n']), 'double');
  const p = graph.input('p', 'double', ['r', 'l']);
  const r = graph.input('r', 'double', ['l', 'r']);
  const sigma = graph.input('sigma', 'double', ['l']);
  const k = graph.unsqueeze(graph.input('k', 'int64', []), 0);
  const split = graph.input('split', 'double', []);
  const factorB = graph.input('factor_b', 'double', []);
  const factorA = graph.input('factor_a', 'double', []);

  const first = (x: Value, axis: number): Value =>
    graph.op('Slice', [x, graph.ints([0]), k, graph.ints([axis])]);
  const kept = first(sigma, 0);
  const isDirection = graph.greater(kept, graph.double(0));
  const safe = graph.where(isDirection, kept, graph.double(1));
  const power = graph.op('Pow', [safe, split]);
  const weightB = graph.where(isDirection, graph.mul(power, factorB), graph.double(0));
  const weightA = graph.where(isDirection, graph.div(factorA, power), graph.double(0));

  const bOut = round(graph, graph.matmul(b, graph.mul(first(p, 1), weightB)), gridB);
  const aOut = round(graph, graph.matmul(graph.mul(first(r, 0), graph.unsqueeze(weightA, 1)), a), gridA);
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
 * factors as they were rounded. Neither is finite when a number overflowed its grid.
 */
export function measureGraph(): Uint8Array {
  const graph = new GraphBuilder('measure');
  const dot = (dims: readonly [string, string], x: string, y: string): Value =>
    graph.sum(graph.mul(graph.input(x, 'double', dims), graph.input(y, 'double', dims)), [0, 1], false);
  graph.output('inner', dot(['r', 'k'], 'cross_b', 'cross_a'), 'double', []);
  graph.output('energy', dot(['k', 'k'], 'own_b', 'own_a'), 'double', []);
  return graph.build();
}

/** Rounds to the grid: the same numbers as float32 to write and as float64 to measure. */
function round(graph: GraphBuilder, x: Value, grid: OutputGrid): { float: Value; double: Value } {
  const float = graph.cast(x, 'float');
  const rounded = grid === 'float' ? float : graph.cast(graph.cast(float, grid), 'float');
  return { float: rounded, double: graph.cast(rounded, 'double') };
}
