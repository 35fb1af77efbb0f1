import type { GraphBuilder, Value } from './graph-builder.ts';

/**
 * Keeps divisions and logarithms finite if a matrix is zero. Applied with Max, because ONNX Runtime drops the
 * addition of so small a number.
 */
export const TINY = 1e-300;

/**
 * How often a matrix is squared: the estimate then exceeds the largest eigenvalue by at most a factor of
 * size^(2^−10).
 */
const SQUARINGS = 10;

/**
 * A close upper bound of the largest eigenvalue of symmetric positive semi-definite matrices: the limit of
 * tr(K^p)^(1/p). The root is computed by square roots, which round identically at every place of a stack, unlike
 * logarithms.
 * @param k [N, size, size]
 * @returns [N], positive
 */
function largestEigenvalue(graph: GraphBuilder, k: Value): Value {
  const identity = graph.op('EyeLike', [firstMatrix(graph, k)]);
  const positive = (x: Value): Value => graph.max(x, graph.double(TINY));
  const lengths = [positive(graph.sum(graph.mul(k, identity), [1, 2]))];
  let x = graph.div(k, lengths[0]!);
  for (let squaring = 1; squaring <= SQUARINGS; squaring++) {
    // tr(X·X) of a symmetric X.
    const length = positive(graph.sum(graph.mul(x, x), [1, 2]));
    lengths.push(length);
    if (squaring < SQUARINGS) x = graph.div(graph.matmul(x, x), length);
  }
  const root = lengths.reduceRight((inner, length) => graph.mul(length, graph.sqrt(inner)));
  return graph.squeeze(graph.squeeze(root, 2), 1);
}

/** The first matrix of a stack, for its shape. */
const firstMatrix = (graph: GraphBuilder, stack: Value): Value =>
  graph.op('Squeeze', [graph.slice(stack, 0, 0, 1), graph.ints([0])]);

/**
 * Bounds of the eigenvalues of symmetric positive semi-definite matrices. The bounds are close if the eigenvalues are of
 * similar size.
 * @param k [N, size, size]
 * @returns maximum ≥ all eigenvalues, 0 ≤ minimum ≤ all of them: [N] each
 */
export function eigenvalueBounds(graph: GraphBuilder, k: Value): { maximum: Value; minimum: Value } {
  const maximum = largestEigenvalue(graph, k);
  const identity = graph.op('EyeLike', [firstMatrix(graph, k)]);
  const turned = graph.sub(graph.mul(asStack(graph, maximum), identity), k);
  const minimum = graph.max(graph.sub(maximum, largestEigenvalue(graph, turned)), graph.double(0));
  return { maximum, minimum };
}

/** [N] as [N, 1, 1]. */
export const asStack = (graph: GraphBuilder, numbers: Value): Value =>
  graph.unsqueeze(graph.unsqueeze(numbers, 1), 2);

interface Filter {
  /** The operator of the filter, which is symmetric positive semi-definite in some inner product. */
  readonly apply: (graph: GraphBuilder, x: Value) => Value;
  /** [N], positive: the filter keeps eigenvalues up to this bound within −1 and 1, and amplifies larger ones. */
  readonly bound: Value;
  /** [N], at least 1. */
  readonly degrees: Value;
}

/**
 * T(2·H/bound − I)·X with the Chebyshev polynomial T of each module's degree (Zhou & Saad 2007, "A Chebyshev–Davidson
 * algorithm"): of all polynomials of a degree, it grows most above the bound while it stays within 1 below it.
 * @param x [N, r, columns]
 */
export function chebyshev(graph: GraphBuilder, x: Value, { apply, bound, degrees }: Filter): Value {
  const slope = asStack(graph, graph.div(graph.double(2), bound));
  const mapped = (body: GraphBuilder, y: Value): Value => body.sub(body.mul(slope, apply(body, y)), y);
  const stack = { type: 'double', dims: ['N', 'r', 'columns'] } as const;
  const steps = graph.cast(graph.sub(graph.reduceMax(degrees, [0], false), graph.double(1)), 'int64');
  const [result] = graph.loop(
    steps,
    [mapped(graph, x), x, graph.double(1)],
    [stack, stack, { type: 'double', dims: [] }],
    (body, [current, previous, degree]) => {
      const twice = body.mul(mapped(body, current!), body.double(2));
      const next = body.sub(twice, previous!);
      const goesOn = asStack(body, body.greater(degrees, degree!));
      return {
        state: [
          body.where(goesOn, next, current!),
          body.where(goesOn, current!, previous!),
          body.add(degree!, body.double(1)),
        ],
      };
    },
  );
  return result!;
}
