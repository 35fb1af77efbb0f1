import { chebyshev, TINY } from './filter.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';

/** Random vectors that detect directions which a sketch missed. */
export const PROBES = 16;
/**
 * The number of their multiplications is 2 to this power, so that the polynomial can be inverted by square roots. The
 * resulting bound exceeds the largest eigenvalue by about (6 / multiplications)² / 4 of it.
 */
const HALVINGS = 5;
/**
 * √(2/π) times 10: a direction that one probe misses with probability 1/10 is missed by all sixteen with probability
 * 10⁻¹⁶.
 */
const CAUTION = 10 * Math.sqrt(2 / Math.PI);
/** The bound of the filter is at least this share of the largest eigenvalue that was found. */
const MIN_BOUND = 1e-10;

interface Found {
  readonly gramB: Value;
  readonly gramA: Value;
  /** r, a number. */
  readonly rank: Value;
  readonly energy: Value;
  /** Q, orthonormal in the inner product of gramB, G_B·Q and G_A·G_B·Q. */
  readonly basis: Value;
  readonly image: Value;
  readonly applied: Value;
  /** Qᵀ·G_B·G_A·G_B·Q and its eigenvalues, descending. */
  readonly k: Value;
  readonly values: Value;
  /** [N]: the factors of the singular values. */
  readonly sizes: Value;
}

/**
 * Computes bounds for the energy that a sketch failed to capture (see excessBound).
 *
 * Input: probe [N, r, PROBES], normal numbers on which the sketch does not depend.
 * Outputs, in the units of σ² and σ⁴: missed [N], an upper bound of the eigenvalues of ΔWΔWᵀ on the orthogonal
 * complement of the sketch, which fails with probability 10⁻¹⁶; residual [N] = ‖ΔWΔWᵀ·Q − Q·K‖².
 *
 * A probe x has a component of variance |G_B·u|² ≥ μ / λ(G_A) along an eigenvector B·u of the eigenvalue μ. If the
 * filter amplifies μ, the probes grow with it, so their lengths bound μ (Halko, Martinsson & Tropp 2011, lemma 4.1,
 * for a polynomial).
 */
export function excessOutputs(graph: GraphBuilder, found: Found): void {
  const { gramB, gramA, rank, energy, basis, image, applied, k, values, sizes } = found;
  const imageRows = graph.transposeStack(image);
  const rest = (body: GraphBuilder, x: Value): Value =>
    body.sub(x, body.matmul(basis, body.matmul(imageRows, x)));
  const captured = graph.sum(values, [1], false);
  const missing = graph.max(graph.sub(energy, captured), graph.double(0));
  const [maximum, minimum] = [
    graph.reduceMax(values, [1], false),
    graph.neg(graph.reduceMax(graph.neg(values), [1], false)),
  ];
  const floor = graph.max(graph.mul(maximum, graph.double(MIN_BOUND)), graph.double(TINY));
  const bound = graph.max(graph.max(minimum, graph.div(missing, rank)), floor);

  const probe = rest(graph, graph.input('probe', 'double', ['N', 'r', PROBES]));
  const grown = chebyshev(graph, probe, {
    apply: (body, x) => rest(body, body.matmul(gramA, body.matmul(gramB, x))),
    bound,
    degrees: graph.add(graph.sub(energy, energy), graph.double(2 ** HALVINGS)),
  });
  const squares = graph.sum(graph.mul(grown, graph.matmul(gramB, grown)), [1], false);
  const longest = graph.sqrt(graph.max(graph.reduceMax(squares, [1], false), graph.double(0)));
  // No eigenvalue of G_A exceeds its largest sum of absolute values in a row.
  const largestA = graph.reduceMax(graph.sum(graph.abs(gramA), [2], false), [1], false);
  const unlikely = graph.mul(graph.sqrt(graph.div(largestA, bound)), graph.double(CAUTION));
  // cosh(t / 2) = √((cosh t + 1) / 2), and the polynomial of degree n turns cosh t into cosh nt.
  let growth = graph.max(graph.mul(longest, unlikely), graph.double(1));
  for (let halving = 0; halving < HALVINGS; halving++)
    growth = graph.sqrt(graph.mul(graph.add(growth, graph.double(1)), graph.double(0.5)));
  const largest = graph.mul(graph.mul(bound, graph.double(0.5)), graph.add(growth, graph.double(1)));
  const missed = graph.op('Min', [largest, missing]);

  const off = graph.sub(applied, graph.matmul(basis, k));
  const residual = graph.max(
    graph.sum(graph.mul(off, graph.matmul(gramB, off)), [1, 2], false),
    graph.double(0),
  );
  const squared = graph.mul(sizes, sizes);
  graph.output('missed', graph.mul(missed, squared), 'double', ['N']);
  graph.output('residual', graph.mul(graph.mul(residual, squared), squared), 'double', ['N']);
}
