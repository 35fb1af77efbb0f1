import { GraphBuilder, type Value } from './graph-builder.ts';

/** The matrices that truncate modules to rank k: B′ = B·p and A′ = r·A. */
export interface Transfer {
  /** [N, r, k] */
  readonly p: Value;
  /** [N, k, r] */
  readonly r: Value;
}

/**
 * Builds the graph that computes P and R, which truncate the factors of modules to rank k: B′ = B·P and A′ = R·A. A trainer
 * that continues at rank k applies them to the optimizer's moments as well.
 *
 * Inputs: see transfer. Outputs: p_out [N, r, k], r_out [N, k, r], float64.
 */
export function transferGraph(): Uint8Array {
  const graph = new GraphBuilder('transfer');
  const { p, r } = transfer(graph);
  graph.output('p_out', p, 'double', ['N', 'r', 'k']);
  graph.output('r_out', r, 'double', ['N', 'k', 'r']);
  return graph.build();
}

/**
 * Declares the inputs (the decomposition, and how the result is to be written) and combines them into P and R.
 *
 * Inputs: p [N, r, l], r [N, l, r], sigma [N, l] float64 of the core graph; k (int64 scalar); split (double: the share of σ
 * that goes into B, ½ is balanced); factor_b, factor_a [N] (double: the share of each module's scale that goes into the factor).
 * A direction with σ = 0 comes out as zeros in both.
 * @returns p·σ^split·factor_b and σ^−split·r·factor_a of the first k directions
 */
export function transfer(graph: GraphBuilder): Transfer {
  const p = graph.input('p', 'double', ['N', 'r', 'l']);
  const r = graph.input('r', 'double', ['N', 'l', 'r']);
  const sigma = graph.input('sigma', 'double', ['N', 'l']);
  const k = graph.unsqueeze(graph.input('k', 'int64', []), 0);
  const split = graph.input('split', 'double', []);
  const factorB = graph.unsqueeze(graph.input('factor_b', 'double', ['N']), 1);
  const factorA = graph.unsqueeze(graph.input('factor_a', 'double', ['N']), 1);

  const first = (x: Value, axis: number): Value =>
    graph.op('Slice', [x, graph.ints([0]), k, graph.ints([axis])]);
  const kept = first(sigma, 1);
  const isDirection = graph.greater(kept, graph.double(0));
  const safe = graph.where(isDirection, kept, graph.double(1));
  const power = graph.op('Pow', [safe, split]);
  const weightB = graph.where(isDirection, graph.mul(power, factorB), graph.double(0));
  const weightA = graph.where(isDirection, graph.div(factorA, power), graph.double(0));
  return {
    p: graph.mul(first(p, 2), graph.unsqueeze(weightB, 1)),
    r: graph.mul(first(r, 1), graph.unsqueeze(weightA, 2)),
  };
}
