import type { GraphBuilder, Value } from './graph-builder.ts';
import { orthonormalise } from './orthonormalise.ts';

/** Sweeps after which the solver gives up. Real spectra take 3 to 8. */
const MAX_SWEEPS = 40;
/** A sweep that met no larger cosine between two rows was the last: Jacobi converges quadratically. */
const LAST_COSINE = 1e-8;
/** Keeps divisions finite where a row is zero. Taken by Max: ONNX Runtime drops the addition of so small a number. */
const TINY = 1e-300;
/** Rows with a smaller squared length, relative to the largest, are noise: their angles are not looked at. */
const SMALLEST_ROW = 1e-26;

/**
 * Eigen-decomposition of symmetric positive semi-definite matrices K = U·diag(λ)·Uᵀ by one-sided Jacobi on a Cholesky
 * factor (Veselić & Hari 1989): K = L·Lᵀ; rotations that make the rows of Y = Vᵀ·Lᵀ orthogonal leave
 * Y = diag(√λ)·Uᵀ, so eigenvectors come without accumulating rotations. Sorting the diagonal first speeds it up.
 * Pairs (i, i + size/2) rotate together; between rounds the rows move round-robin, so size − 1 rounds meet each pair.
 * A matrix is frozen once a sweep met only tiny angles: its result does not depend on its neighbours in the stack.
 * @param k [N, size, size]; size a multiple of BLOCK
 * @returns values λ ≥ 0 [N, size] descending, rows Uᵀ [N, size, size] (zero where λ is), converged bool [N]
 */
export function symmetricEigen(
  graph: GraphBuilder,
  k: Value,
  size: number,
): { values: Value; rows: Value; converged: Value } {
  const diagonal = graph.sum(graph.mul(k, graph.identity(size)), [2], false);
  const order = sorting(graph, diagonal, size);
  const sorted = graph.matmul(graph.matmul(order, k), graph.transposeStack(order));
  // Where K has no length at all, 1 stands in for it.
  const largest = graph.reduceMax(diagonal, [1]);
  const scale = graph.unsqueeze(
    graph.where(graph.greater(largest, graph.double(0)), largest, graph.double(1)),
    2,
  );
  const scaled = graph.div(sorted, scale);
  const columns = graph.add(graph.sub(scaled, scaled), graph.identity(size));
  const factor = graph.transposeStack(orthonormalise(graph, scaled, columns, size, 2).image);

  const { rows: rotated, converged } = jacobi(graph, factor, size);
  const squares = graph.sum(graph.mul(rotated, rotated), [2], false);
  const descending = sorting(graph, squares, size);
  const column = graph.unsqueeze(squares, 2);
  const reciprocal = graph.div(graph.double(1), graph.sqrt(graph.max(column, graph.double(TINY))));
  const isRow = graph.greater(column, graph.double(SMALLEST_ROW));
  const unit = graph.mul(rotated, graph.where(isRow, reciprocal, graph.double(0)));
  const values = graph.matmul(descending, graph.mul(column, scale));
  return {
    values: graph.squeeze(values, 2),
    rows: graph.matmul(graph.matmul(descending, unit), order),
    converged,
  };
}

/** Permutation matrices [N, size, size] whose product with a stack sorts its rows by `keys` [N, size], descending. */
function sorting(graph: GraphBuilder, keys: Value, size: number): Value {
  const [, indices] = graph.ops('TopK', [keys, graph.ints([size])], 2, { axis: { int: 1 } });
  const numbers = graph.ints(Array.from({ length: size }, (_, i) => i));
  return graph.cast(graph.op('Equal', [graph.unsqueeze(indices!, 2), numbers]), 'double');
}

function jacobi(graph: GraphBuilder, start: Value, size: number): { rows: Value; converged: Value } {
  const half = size / 2;
  const rounds = size - 1;
  const perModule = graph.reduceMax(start, [1, 2], false);
  const calm = graph.sub(perModule, perModule);
  const never = graph.greater(calm, graph.double(0));
  const [rows, , converged] = graph.loop(
    MAX_SWEEPS * rounds,
    [start, calm, never],
    [
      { type: 'double', dims: ['N', size, size] },
      { type: 'double', dims: ['N'] },
      { type: 'bool', dims: ['N'] },
    ],
    (body, [y, sweepCosine, frozen], round) => {
      const [top, bottom] = body.split(y!, 1, [half, half]) as [Value, Value];
      const dot = (x: Value, z: Value): Value => body.sum(body.mul(x, z), [2]);
      const p = dot(top, top);
      const q = dot(bottom, bottom);
      const a = dot(top, bottom);

      // tan of the rotation angle (Golub & Van Loan, Matrix Computations, §8.5), written without dividing by a.
      const d = body.sub(q, p);
      const a2 = body.mul(a, body.double(2));
      const root = body.sqrt(body.add(body.mul(d, d), body.mul(a2, a2)));
      const towards = body.where(body.greater(body.double(0), d), body.neg(a2), a2);
      const angle = body.div(towards, body.max(body.add(body.abs(d), root), body.double(TINY)));
      const isFrozen = body.unsqueeze(body.unsqueeze(frozen!, 1), 2);
      const t = body.where(isFrozen, body.double(0), angle);
      const c = body.div(body.double(1), body.sqrt(body.add(body.mul(t, t), body.double(1))));
      const s = body.mul(t, c);
      const newTop = body.sub(body.mul(c, top), body.mul(s, bottom));
      const newBottom = body.add(body.mul(s, top), body.mul(c, bottom));

      const meets = body.greater(body.op('Min', [p, q]), body.double(SMALLEST_ROW));
      const cosine = body.div(body.abs(a), body.max(body.mul(body.sqrt(p), body.sqrt(q)), body.double(TINY)));
      const worst = body.reduceMax(body.where(meets, cosine, body.double(0)), [1, 2], false);
      const soFar = body.max(sweepCosine!, worst);

      const place = body.op('Mod', [round, body.ints([rounds], [])]);
      const isLast = body.op('Equal', [place, body.ints([rounds - 1], [])]);
      const isCalm = body.not(body.greater(soFar, body.double(LAST_COSINE)));
      const nowFrozen = body.or(frozen!, body.and(isLast, isCalm));
      const moving = body.reduceMax(body.cast(body.not(nowFrozen), 'double'), [0], false);
      return {
        state: [
          roundRobin(body, newTop, newBottom, half),
          body.where(isLast, body.double(0), soFar),
          nowFrozen,
        ],
        go: body.greater(moving, body.double(0)),
      };
    },
  );
  return { rows: rows!, converged: converged! };
}

/** The circle method: row 0 stays, all others move one seat; after size − 1 moves everyone is back. */
function roundRobin(graph: GraphBuilder, top: Value, bottom: Value, half: number): Value {
  return graph.concat(
    [
      graph.slice(top, 1, 0, 1),
      graph.slice(bottom, 1, 0, 1),
      graph.slice(top, 1, 1, half - 1),
      graph.slice(bottom, 1, 1, half),
      graph.slice(top, 1, half - 1, half),
    ],
    1,
  );
}
