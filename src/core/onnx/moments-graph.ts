import { GraphBuilder, type Value } from './graph-builder.ts';
import { type OutputGrid, roundToGrid } from './output-grid.ts';

/** 1: averages of the gradient (Adam's first moment, momentum). 2: averages of its square (Adam's second moment). */
export type MomentPower = 1 | 2;

/**
 * Carries the averages of gradients that an optimizer keeps into the coordinates of the squeezed factors.
 *
 * With B′ = B·P, A′ = R·A and s′·B′·A′ = s·B·A, the chain rule gives ∂L/∂B′ = ρ·(∂L/∂B)·Rᵀ and ∂L/∂A′ =
 * ρ·Pᵀ·(∂L/∂A) with ρ = s′/s: gradients transform with the matrix of the *other* factor. First moments are linear in
 * the gradient and transform exactly. Second moments transform as if the gradient's columns (rows for A) were
 * uncorrelated: with ρ² and the squares of the matrices' entries; as sums of non-negative terms they stay
 * non-negative.
 *
 * Inputs: b [m, r], a [r, n] float32, some rows of B's moment and columns of A's; p [r, k], r [k, r] float64 (see
 * transferGraph); ratio = s′/s (double). Outputs: b_out [m, k], a_out [k, n], float32 with numbers that the grids
 * represent exactly; energy_b = ‖b_out‖², energy_a = ‖a_out‖², which are not finite if a number is not; least_b and
 * least_a, the smallest numbers of b and a.
 */
export function momentsGraph(power: MomentPower, gridB: OutputGrid, gridA: OutputGrid): Uint8Array {
  const graph = new GraphBuilder(`moments_${power}_${gridB}_${gridA}`);
  const b = graph.cast(graph.input('b', 'float', ['m', 'r']), 'double');
  const a = graph.cast(graph.input('a', 'float', ['r', 'n']), 'double');
  const raised = (x: Value): Value => (power === 1 ? x : graph.mul(x, x));
  const p = raised(graph.input('p', 'double', ['r', 'k']));
  const r = raised(graph.input('r', 'double', ['k', 'r']));
  const ratio = raised(graph.input('ratio', 'double', []));
  const bOut = graph.matmul(b, graph.mul(graph.transpose(r), ratio));
  const aOut = graph.matmul(graph.mul(graph.transpose(p), ratio), a);
  for (const [name, given, value, grid, dims] of [
    ['b', b, bOut, gridB, ['m', 'k']],
    ['a', a, aOut, gridA, ['k', 'n']],
  ] as const) {
    const rounded = roundToGrid(graph, value, grid);
    graph.output(`${name}_out`, rounded.float, 'float', dims);
    const energy = graph.sum(graph.mul(rounded.double, rounded.double), [0, 1], false);
    graph.output(`energy_${name}`, energy, 'double', []);
    const minimum = graph.neg(graph.reduceMax(graph.neg(given), [0, 1], false));
    graph.output(`least_${name}`, minimum, 'double', []);
  }
  return graph.build();
}
