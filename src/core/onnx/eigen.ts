import type { GraphBuilder, Value } from './graph-builder.ts';
import { MIN_ROW, orthogonaliseRows } from './jacobi.ts';
import { orthonormalise } from './orthonormalise.ts';

/** Keeps divisions finite where a row is zero. Taken by Max: ONNX Runtime drops the addition of so small a number. */
const TINY = 1e-300;

/**
 * Eigen-decomposition of symmetric positive semi-definite matrices K = U·diag(λ)·Uᵀ by one-sided Jacobi on a Cholesky
 * factor (Veselić & Hari 1989): K = L·Lᵀ; rotations that make the rows of Y = Vᵀ·Lᵀ orthogonal leave
 * Y = diag(√λ)·Uᵀ, so eigenvectors come without accumulating rotations. Sorting the diagonal first speeds it up.
 * @param k [N, size, size]; size as orthonormalise takes it
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
  // If K is zero, 1 is used instead.
  const largest = graph.reduceMax(diagonal, [1]);
  const scale = graph.unsqueeze(
    graph.where(graph.greater(largest, graph.double(0)), largest, graph.double(1)),
    2,
  );
  const scaled = graph.div(sorted, scale);
  const columns = graph.add(graph.sub(scaled, scaled), graph.identity(size));
  const factor = graph.transposeStack(orthonormalise(graph, scaled, columns, size, 2).image);

  const { rows: rotated, converged } = orthogonaliseRows(graph, factor, size);
  const squares = graph.sum(graph.mul(rotated, rotated), [2], false);
  const descending = sorting(graph, squares, size);
  const column = graph.unsqueeze(squares, 2);
  const reciprocal = graph.div(graph.double(1), graph.sqrt(graph.max(column, graph.double(TINY))));
  const isRow = graph.greater(column, graph.double(MIN_ROW));
  const unit = graph.mul(rotated, graph.where(isRow, reciprocal, graph.double(0)));
  const lengths = graph.where(isRow, column, graph.double(0));
  const values = graph.matmul(descending, graph.mul(lengths, scale));
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
