import { symmetricEigen } from './eigen.ts';
import { excessOutputs } from './excess.ts';
import { asStack, chebyshev, eigenvalueBounds } from './filter.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';
import { orthonormalise } from './orthonormalise.ts';

/** Keeps divisions finite for modules that are all zero. */
const TINY = 1e-300;

/** The most multiplications between two orthonormalisations. */
const MAX_DEGREE = 8;
/** The same for the first round: a sketch underestimates the largest eigenvalue, which limits the growth. */
const FIRST_DEGREE = 2;
/**
 * The largest growth of the first direction relative to the last one between two orthonormalisations; with more,
 * float64 would lose the small one.
 */
const MAX_GROWTH = 1e5;
/** The bound of a filter is at least this share of the largest eigenvalue. */
const MIN_BOUND = 1e-10;

/**
 * The decomposition of a stack of modules from their Gram matrices alone, float64.
 *
 * Inputs: gram_b, gram_a [N, r, r] (BᵀB and AAᵀ); sketch [N, r, l]; keep (int64), the directions wanted, at most l;
 * and for the randomised variant
 * max_iterations and tolerance (double): the power iterations of a module end early when a round of them captured less
 * than tolerance, divided by their number, of the energy still missing; and probe, see excessOutputs.
 *
 * Outputs: p [N, r, keep] and r [N, keep, r] with B·p orthonormal and ΔW ≈ (B·p)·(r·A), best directions first: the
 * first k columns and rows are the truncation to rank k; sigma [N, l]; energy [N] = ‖B·A‖²; energy_b [N] = ‖B‖²;
 * energy_a [N] = ‖A‖²; iterations [N]; converged [N]; and of the randomised variant those of excessOutputs.
 *
 * Randomised: Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1, in the coordinates of B's columns
 * (S ↔ B·S, and ΔWΔWᵀ·B·S ↔ G_A·G_B·S), its power iterations sharpened by Chebyshev polynomials. Exact: the same without sketching, with sketch = I and l ≥ r.
 * @param columns l, as many as orthonormalise takes
 */
export function coreGraph(variant: 'randomised' | 'exact', columns: number): Uint8Array {
  const graph = new GraphBuilder(`core_${variant}`);
  const rawB = graph.input('gram_b', 'double', ['N', 'r', 'r']);
  const rawA = graph.input('gram_a', 'double', ['N', 'r', 'r']);
  const sketch = graph.input('sketch', 'double', ['N', 'r', columns]);

  const keep = graph.unsqueeze(graph.input('keep', 'int64', []), 0);

  const { gramB, gramA, rank, balance, scaleB, scaleA, energyB, energyA } = equilibrate(graph, rawB, rawA);
  const energy = graph.sum(graph.mul(gramB, gramA), [1, 2], false);

  let basis: Value;
  let image: Value;
  let iterations: Value | undefined;
  if (variant === 'exact') {
    ({ basis, image } = orthonormalise(graph, gramB, sketch, columns, 2));
  } else {
    const maxIterations = graph.input('max_iterations', 'double', []);
    const tolerance = graph.input('tolerance', 'double', []);
    const start = graph.matmul(gramA, sketch);
    const inputs = { gramB, gramA, energy, rank, start, columns, maxIterations, tolerance };
    ({ basis, iterations } = powerIterations(graph, inputs));
    image = graph.matmul(gramB, basis);
  }

  const imageRows = graph.transposeStack(image);
  const applied = graph.matmul(gramA, image);
  const k = graph.matmul(imageRows, applied);
  const { values, rows, converged } = symmetricEigen(graph, k, columns);

  const rootA = graph.sqrt(scaleA);
  const rootB = graph.sqrt(scaleB);
  const kept = graph.op('Slice', [rows, graph.ints([0]), keep, graph.ints([1])]);
  const p = graph.mul(balance, graph.matmul(basis, graph.transposeStack(kept)));
  const r = graph.div(graph.matmul(kept, imageRows), graph.transposeStack(balance));
  const sizes = graph.squeeze(graph.squeeze(graph.mul(rootA, rootB), 2), 1);
  graph.output('p', graph.div(p, rootB), 'double', ['N', 'r', 'k']);
  graph.output('r', graph.mul(r, rootB), 'double', ['N', 'k', 'r']);
  const sigma = graph.mul(graph.sqrt(values), graph.unsqueeze(sizes, 1));
  graph.output('sigma', sigma, 'double', ['N', columns]);
  graph.output('energy', graph.mul(graph.mul(energy, sizes), sizes), 'double', ['N']);
  graph.output('energy_b', energyB, 'double', ['N']);
  graph.output('energy_a', energyA, 'double', ['N']);
  graph.output('iterations', iterations ?? graph.sub(energy, energy), 'double', ['N']);
  graph.output('converged', graph.cast(converged, 'double'), 'double', ['N']);
  if (iterations)
    excessOutputs(graph, { gramB, gramA, rank, energy, basis, image, applied, k, values, sizes });
  return graph.build();
}

/**
 * ΔW does not change if column i of B is multiplied by dᵢ and row i of A is divided by it. dᵢ = (a/b)^¼ gives both
 * the same length; then both Gram matrices are scaled to a largest diagonal of 1. Without this, one huge row would
 * drown out all others.
 */
function equilibrate(graph: GraphBuilder, rawB: Value, rawA: Value) {
  // The diagonal, [N, r, 1]. r is not known when the graph is built, so EyeLike is applied to a slice of the input.
  const one = graph.op('Squeeze', [graph.slice(rawB, 0, 0, 1), graph.ints([0])]);
  const identity = graph.op('EyeLike', [one], {});
  const diagonal = (x: Value): Value => graph.sum(graph.mul(x, identity), [2]);
  const b = diagonal(rawB);
  const a = diagonal(rawA);
  const zero = graph.double(0);
  const both = graph.and(graph.greater(b, zero), graph.greater(a, zero));
  const ratio = graph.div(graph.sqrt(a), graph.max(graph.sqrt(b), graph.double(TINY)));
  const balance = graph.where(both, graph.sqrt(ratio), graph.double(1));
  const columnwise = graph.transposeStack(balance);
  const balancedB = graph.mul(graph.mul(rawB, balance), columnwise);
  const balancedA = graph.div(graph.div(rawA, balance), columnwise);
  const scaleOf = (x: Value): Value => {
    const largest = graph.reduceMax(diagonal(x), [1]);
    return graph.where(graph.greater(largest, zero), largest, graph.double(1));
  };
  const scaleB = scaleOf(balancedB);
  const scaleA = scaleOf(balancedA);
  return {
    gramB: graph.div(balancedB, scaleB),
    gramA: graph.div(balancedA, scaleA),
    rank: graph.sum(identity, [0, 1], false),
    balance,
    scaleB,
    scaleA,
    energyB: graph.sum(b, [1, 2], false),
    energyA: graph.sum(a, [1, 2], false),
  };
}

interface PowerInputs {
  readonly gramB: Value;
  readonly gramA: Value;
  readonly energy: Value;
  /** r, a number. */
  readonly rank: Value;
  readonly start: Value;
  readonly columns: number;
  readonly maxIterations: Value;
  readonly tolerance: Value;
}

/**
 * Subspace iteration: Q ← orth(S), S ← p(G_A·G_B)·Q, where the first S is the sketch itself. p is the Chebyshev
 * polynomial that damps the directions for which the sketch has no room; its bound is the smallest eigenvalue on Q.
 * For a steep spectrum its degree is 1; for a flat one, a round achieves with a few multiplications what plain powers
 * would need dozens for. A module that has settled keeps its basis, whatever its neighbours in the stack do.
 */
function powerIterations(graph: GraphBuilder, inputs: PowerInputs): { basis: Value; iterations: Value } {
  const { gramB, gramA, energy, rank, start, columns, maxIterations, tolerance } = inputs;
  const none = graph.sub(energy, energy);
  const never = graph.greater(none, graph.double(0));
  const matrices = { type: 'double', dims: ['N', 'r', columns] } as const;
  const numbers = { type: 'double', dims: ['N'] } as const;
  const beforeAll = graph.sub(none, graph.double(1));
  const [, basis, , , iterations] = graph.loop(
    graph.cast(graph.add(maxIterations, graph.double(1)), 'int64'),
    [start, graph.sub(start, start), beforeAll, never, none],
    [matrices, matrices, numbers, { type: 'bool', dims: ['N'] }, numbers],
    (body, [pending, held, capturedBefore, settled, count]) => {
      const { basis: candidate, image } = orthonormalise(body, gramB, pending!, columns, 1);
      const applied = body.matmul(gramA, image);
      const captured = body.sum(body.mul(image, applied), [1, 2], false);
      const gained = body.sub(captured, capturedBefore!);
      const missing = body.max(body.sub(energy, captured), body.double(0));

      const bounds = eigenvalueBounds(body, body.matmul(body.transposeStack(image), applied));
      const minimum = body.max(body.mul(bounds.maximum, body.double(MIN_BOUND)), body.double(TINY));
      const bound = body.max(body.max(bounds.minimum, body.div(missing, rank)), minimum);
      const left = body.sub(maxIterations, count!);
      const isFirst = body.greater(body.double(0), capturedBefore!);
      const maximum = body.where(isFirst, body.double(FIRST_DEGREE), body.double(MAX_DEGREE));
      const degrees = body.op('Min', [
        degreesOf(body, bounds.maximum, bound),
        maximum,
        body.max(left, body.double(1)),
      ]);
      // The flatter the spectrum, the higher the degree, and the larger the share of the error that a small gain is.
      const enough = body.mul(missing, body.div(tolerance, degrees));
      // The filter has amplified some directions so much that others were lost to rounding, so the previous basis is
      // better.
      const isWorse = body.greater(body.double(0), gained);
      // The gain of a round with a low degree does not predict that of one with a high degree.
      const isTried = body.or(
        body.greater(count!, body.double(FIRST_DEGREE)),
        body.not(body.greater(degrees, body.double(FIRST_DEGREE))),
      );
      const isEnough = body.and(isTried, body.not(body.greater(gained, enough)));
      const isSettled = body.or(body.or(isWorse, isEnough), body.not(body.greater(left, body.double(0))));
      const nowSettled = body.or(settled!, isSettled);
      const next = chebyshev(body, candidate, {
        apply: (inner, x) => inner.matmul(gramA, inner.matmul(gramB, x)),
        bound,
        degrees,
      });
      const moving = body.cast(body.not(nowSettled), 'double');
      return {
        state: [
          next,
          body.where(asStack(body, body.or(settled!, isWorse)), held!, candidate),
          captured,
          nowSettled,
          body.add(count!, body.mul(moving, degrees)),
        ],
        go: body.greater(body.reduceMax(moving, [0], false), body.double(0)),
      };
    },
  );
  return { basis: basis!, iterations: iterations! };
}

/**
 * The number of multiplications in a round: the Chebyshev polynomials at 2·most/bound − 1 give the growth of the
 * largest direction.
 */
function degreesOf(graph: GraphBuilder, maximum: Value, bound: Value): Value {
  const twice = graph.double(2);
  const ratio = graph.sub(graph.div(graph.mul(maximum, twice), bound), graph.double(1));
  const one = graph.add(graph.sub(ratio, ratio), graph.double(1));
  let [before, growth, degrees] = [one, ratio, one];
  for (let degree = 2; degree <= MAX_DEGREE; degree++) {
    [before, growth] = [growth, graph.sub(graph.mul(graph.mul(twice, ratio), growth), before)];
    const isSmall = graph.not(graph.greater(growth, graph.double(MAX_GROWTH)));
    degrees = graph.add(degrees, graph.cast(isSmall, 'double'));
  }
  return degrees;
}
