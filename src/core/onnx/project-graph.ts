import { GraphBuilder, type Value } from './graph-builder.ts';

/** What the results are rounded to, inside the graph. */
export type OutputGrid = 'float' | 'float16' | 'bfloat16';

/**
 * Writes one module at rank k, and measures what was written.
 *
 * Inputs: b [m, r] and a [r, n] float32; p [r, l], r [l, r], sigma [l] float64 of the core graph; k (int64 scalar);
 * split (double: the share of σ that goes into B, ½ is balanced); factor_b, factor_a (double: the module's scale,
 * taken apart).
 * Outputs: b_out = B·p·σ^split·factor_b [m, k] and a_out = σ^−split·r·A·factor_a [k, n], float32 holding numbers of
 * the output grids exactly; inner = ⟨B·A, b_out·a_out⟩ and energy_out = ‖b_out·a_out‖², both after rounding and from
 * r×k and k×k products only. Both are non-finite when an output overflowed its grid.
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

  const dot = (x: Value, y: Value): Value => graph.sum(graph.mul(x, y), [0, 1], false);
  const leftProduct = (x: Value, y: Value): Value => graph.op('Gemm', [x, y], { transA: { int: 1 } });
  const rightProduct = (x: Value, y: Value): Value => graph.op('Gemm', [x, y], { transB: { int: 1 } });
  graph.output('inner', dot(leftProduct(b, bOut.double), rightProduct(a, aOut.double)), 'double', []);
  graph.output(
    'energy_out',
    dot(leftProduct(bOut.double, bOut.double), rightProduct(aOut.double, aOut.double)),
    'double',
    [],
  );
  return graph.build();
}

/** Rounds to the grid: the same numbers as float32 to write and as float64 to measure. */
function round(graph: GraphBuilder, x: Value, grid: OutputGrid): { float: Value; double: Value } {
  const float = graph.cast(x, 'float');
  const rounded = grid === 'float' ? float : graph.cast(graph.cast(float, grid), 'float');
  return { float: rounded, double: graph.cast(rounded, 'double') };
}
