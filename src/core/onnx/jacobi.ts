import type { GraphBuilder, Value } from './graph-builder.ts';
import { type PairStage, sweepStages } from './pair-order.ts';

/** Sweeps after which the solver gives up. Real spectra take 3 to 8. */
const MAX_SWEEPS = 40;
/**
 * A matrix is finished when no two of its rows have a larger cosine. Nearly equal σ lose at most this share of their
 * energy.
 */
const LAST_COSINE = 1e-10;
/** Rows with a smaller squared length, relative to the largest, are noise: their angles are ignored. */
export const MIN_ROW = 1e-26;
/** Keeps divisions finite where a row is zero. Taken by Max: ONNX Runtime drops the addition of so small a number. */
const TINY = 1e-300;

/**
 * One-sided Jacobi: rotates pairs of rows until all are orthogonal. A round rotates size/2 pairs at once, a sweep meets
 * every pair once. Squared lengths are carried through a sweep (p − t·a, q + t·a) and measured again after it; they
 * only steer the angles, so their rounding costs no accuracy. A matrix is frozen when the check after a sweep finds
 * only tiny cosines: its result does not depend on its neighbours in the stack.
 * @param start [N, size, size], rows of squared length at most about 1; size even
 * @returns rows [N, size, size] in no special order, converged bool [N]
 */
export function orthogonaliseRows(
  graph: GraphBuilder,
  start: Value,
  size: number,
): { rows: Value; converged: Value } {
  const { stages, restore } = sweepStages(size);
  const none = graph.reduceMax(graph.sub(start, start), [1, 2], false);
  const pairShape = graph.op('Shape', [graph.slice(graph.slice(start, 1, 0, size / 2), 2, 0, 1)]);
  const [zeros, ones, tiny] = [0, 1, TINY].map((value) =>
    graph.op('Expand', [graph.double(value), pairShape]),
  ) as [Value, Value, Value];
  const [rows, , converged] = graph.loop(
    MAX_SWEEPS,
    [start, squaredLengths(graph, start), graph.greater(none, graph.double(0))],
    [
      { type: 'double', dims: ['N', size, size] },
      { type: 'double', dims: ['N', size, 1] },
      { type: 'bool', dims: ['N'] },
    ],
    (body, [y, lengths, frozen]) => {
      const isMoving = body.cast(body.not(frozen!), 'double');
      const moving = body.mul(ones, body.unsqueeze(body.unsqueeze(isMoving, 1), 2));
      let pairs: Pairs = { y: y!, lengths: lengths! };
      for (const stage of stages)
        pairs = rotateStage(body, pairs, { moving, ones, zeros, tiny }, stage, size);
      const after = take(body, pairs.y, restore);
      const fresh = squaredLengths(body, after);
      const worst = worstCosine(body, after, fresh, size);
      const nowFrozen = body.or(frozen!, body.not(body.greater(worst, body.double(LAST_COSINE))));
      const left = body.reduceMax(body.cast(body.not(nowFrozen), 'double'), [0], false);
      return { state: [after, fresh, nowFrozen], go: body.greater(left, body.double(0)) };
    },
  );
  return { rows: rows!, converged: converged! };
}

/** One number a pair, [N, size/2, 1]: the runtime broadcasts scalars more slowly than it adds columns. */
interface Constants {
  /** 1, or 0 if the matrix is frozen. */
  readonly moving: Value;
  readonly ones: Value;
  readonly zeros: Value;
  readonly tiny: Value;
}

/** The upper rows of the pairs, their lower rows, and the squared lengths of both. */
interface RowPairs {
  readonly x: Value;
  readonly z: Value;
  /** Of x's rows. */
  readonly xx: Value;
  /** Of z's rows. */
  readonly zz: Value;
}

interface Pairs {
  /** [N, size, size] */
  readonly y: Value;
  /** [N, size, 1] */
  readonly lengths: Value;
}

/** Rounds over pairs (i, i + size/2) in the order of the stage, which defines how rows move between rounds. */
function rotateStage(
  graph: GraphBuilder,
  { y, lengths }: Pairs,
  constants: Constants,
  { enter, rounds, advance }: PairStage,
  size: number,
): Pairs {
  const half = size / 2;
  const [top, bottom] = graph.split(take(graph, y, enter), 1, [half, half]);
  const [p, q] = graph.split(take(graph, lengths, enter), 1, [half, half]);
  const rows = { type: 'double', dims: ['N', half, size] } as const;
  const column = { type: 'double', dims: ['N', half, 1] } as const;
  const [newTop, newBottom, newP, newQ] = graph.loop(
    rounds,
    [top!, bottom!, p!, q!],
    [rows, rows, column, column],
    (body, [x, z, xx, zz]) => {
      const rotated = rotate(body, { x: x!, z: z!, xx: xx!, zz: zz! }, constants);
      if (advance.length === half) {
        // Only the lower rows move.
        return {
          state: [rotated.x, take(body, rotated.z, advance), rotated.xx, take(body, rotated.zz, advance)],
        };
      }
      const all = take(body, body.concat([rotated.x, rotated.z], 1), advance);
      const allLengths = take(body, body.concat([rotated.xx, rotated.zz], 1), advance);
      return {
        state: [...body.split(all, 1, [half, half]), ...body.split(allLengths, 1, [half, half])],
      };
    },
  );
  return { y: graph.concat([newTop!, newBottom!], 1), lengths: graph.concat([newP!, newQ!], 1) };
}

/**
 * Rotates each row of x with its row of z so that they become orthogonal: the tangent is the smaller root
 * (Golub & Van Loan, Matrix Computations, §8.5), written without dividing by the inner product a.
 */
function rotate(
  graph: GraphBuilder,
  { x, z, xx, zz }: RowPairs,
  { moving, ones, zeros, tiny }: Constants,
): RowPairs {
  const a = graph.mul(graph.sum(graph.mul(x, z), [2]), moving);
  const a2 = graph.add(a, a);
  const d = graph.sub(zz, xx);
  const squares = graph.add(graph.mul(d, d), graph.mul(a2, a2));
  const root = graph.sqrt(graph.max(squares, tiny));
  const away = graph.where(graph.greater(zeros, d), graph.sub(d, root), graph.add(d, root));
  const t = graph.div(a2, away);
  const c = graph.div(ones, graph.sqrt(graph.add(graph.mul(t, t), ones)));
  const s = graph.mul(t, c);
  const ta = graph.mul(t, a);
  return {
    x: graph.sub(graph.mul(c, x), graph.mul(s, z)),
    z: graph.add(graph.mul(s, x), graph.mul(c, z)),
    xx: graph.sub(xx, ta),
    zz: graph.add(zz, ta),
  };
}

/** The largest |cos| between two rows that are not noise: [N]. */
function worstCosine(graph: GraphBuilder, y: Value, lengths: Value, size: number): Value {
  const largest = graph.reduceMax(lengths, [1]);
  const isRow = graph.greater(lengths, graph.mul(largest, graph.double(MIN_ROW)));
  const reciprocal = graph.div(graph.double(1), graph.sqrt(graph.max(lengths, graph.double(TINY))));
  const unit = graph.mul(y, graph.where(isRow, reciprocal, graph.double(0)));
  const cosines = graph.matmul(unit, graph.transposeStack(unit));
  const others = graph.sub(graph.double(1), graph.identity(size));
  return graph.reduceMax(graph.abs(graph.mul(cosines, others)), [1, 2], false);
}

/** ‖row‖² of every row: [N, size, 1]. */
function squaredLengths(graph: GraphBuilder, y: Value): Value {
  return graph.sum(graph.mul(y, y), [2]);
}

function take(graph: GraphBuilder, y: Value, order: readonly number[]): Value {
  const isIdentity = order.every((row, place) => row === place);
  return isIdentity ? y : graph.op('Gather', [y, graph.ints(order)], { axis: { int: 1 } });
}
