import { symmetricEigen } from './eigen.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';
import { orthonormalise } from './orthonormalise.ts';

/** Keeps divisions finite for modules that are all zero. */
const TINY = 1e-300;

/**
 * The decomposition of a stack of modules from their Gram matrices alone, float64.
 *
 * Inputs: gram_b, gram_a [N, r, r] (BᵀB and AAᵀ); sketch [N, r, l]; keep (int64), the directions wanted, at most l;
 * and for the randomised variant
 * max_iterations (int64) and tolerance: the power iterations of a module end early when one captured less than
 * tolerance times the energy still missing.
 *
 * Outputs: p [N, r, keep] and r [N, keep, r] with B·p orthonormal and ΔW ≈ (B·p)·(r·A), best directions first: the
 * first k columns and rows are the truncation to rank k; sigma [N, l]; energy [N] = ‖B·A‖²; energy_b [N] = ‖B‖²;
 * energy_a [N] = ‖A‖²; iterations [N]; converged [N].
 *
 * Randomised: Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1, in the coordinates of B's columns
 * (S ↔ B·S, and ΔWΔWᵀ·B·S ↔ G_A·G_B·S). Exact: the same without sketching, with sketch = I and l ≥ r.
 * @param columns l, a multiple of BLOCK
 */
export function coreGraph(variant: 'randomised' | 'exact', columns: number): Uint8Array {
  const graph = new GraphBuilder(`core_${variant}`);
  const rawB = graph.input('gram_b', 'double', ['N', 'r', 'r']);
  const rawA = graph.input('gram_a', 'double', ['N', 'r', 'r']);
  const sketch = graph.input('sketch', 'double', ['N', 'r', columns]);

  const keep = graph.unsqueeze(graph.input('keep', 'int64', []), 0);

  const { gramB, gramA, balance, scaleB, scaleA, energyB, energyA } = equilibrate(graph, rawB, rawA);
  const energy = graph.sum(graph.mul(gramB, gramA), [1, 2], false);

  let basis: Value;
  let image: Value;
  let iterations: Value | undefined;
  if (variant === 'exact') {
    ({ basis, image } = orthonormalise(graph, gramB, sketch, columns, 2));
  } else {
    const maxIterations = graph.input('max_iterations', 'int64', []);
    const tolerance = graph.input('tolerance', 'double', []);
    const start = graph.matmul(gramA, sketch);
    const powered = powerIterations(graph, {
      gramB,
      gramA,
      energy,
      start,
      columns,
      maxIterations,
      tolerance,
    });
    basis = powered.basis;
    iterations = powered.iterations;
    image = graph.matmul(gramB, basis);
  }

  const imageRows = graph.transposeStack(image);
  const k = graph.matmul(imageRows, graph.matmul(gramA, image));
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
  return graph.build();
}

/**
 * ΔW does not change when column i of B is multiplied by dᵢ and row i of A divided by it. dᵢ = (a/b)^¼ makes both as
 * long; then both Grams are scaled to a largest diagonal of 1. Without this, one huge row would drown all others.
 */
function equilibrate(graph: GraphBuilder, rawB: Value, rawA: Value) {
  // The diagonal, [N, r, 1]. r is not known when the graph is built, hence EyeLike over a slice of the input.
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
  readonly start: Value;
  readonly columns: number;
  readonly maxIterations: Value;
  readonly tolerance: Value;
}

/**
 * Subspace iteration: Q ← orth(S), S ← G_A·G_B·Q, the first round being the sketch itself. Each round costs one look
 * at the energy Q captures. A module that has settled keeps its basis, whatever its neighbours do.
 */
function powerIterations(graph: GraphBuilder, inputs: PowerInputs): { basis: Value; iterations: Value } {
  const { gramB, gramA, energy, start, columns, maxIterations, tolerance } = inputs;
  const none = graph.sub(energy, energy);
  const never = graph.greater(none, graph.double(0));
  const matrices = { type: 'double', dims: ['N', 'r', columns] } as const;
  const numbers = { type: 'double', dims: ['N'] } as const;
  const beforeAll = graph.sub(none, graph.double(1));
  const [, basis, , , rounds] = graph.loop(
    graph.add(maxIterations, graph.ints([1], [])),
    [start, graph.sub(start, start), beforeAll, never, none],
    [matrices, matrices, numbers, { type: 'bool', dims: ['N'] }, numbers],
    (body, [pending, held, capturedBefore, settled, count]) => {
      const { basis: candidate, image } = orthonormalise(body, gramB, pending!, columns, 1);
      const next = body.matmul(gramA, image);
      const captured = body.sum(body.mul(image, next), [1, 2], false);
      const gained = body.sub(captured, capturedBefore!);
      const missing = body.max(body.sub(energy, captured), body.double(0));
      const isSettled = body.not(body.greater(gained, body.mul(missing, tolerance)));
      const nowSettled = body.or(settled!, isSettled);
      const hold = body.unsqueeze(body.unsqueeze(settled!, 1), 2);
      const moving = body.reduceMax(body.cast(body.not(nowSettled), 'double'), [0], false);
      return {
        state: [
          next,
          body.where(hold, held!, candidate),
          captured,
          nowSettled,
          body.add(count!, body.cast(body.not(settled!), 'double')),
        ],
        go: body.greater(moving, body.double(0)),
      };
    },
  );
  return { basis: basis!, iterations: graph.sub(rounds!, graph.double(1)) };
}
