import type { GraphBuilder, Value } from './graph-builder.ts';

/**
 * W = L⁻¹ of the Cholesky factorisation H = L·Lᵀ, unrolled into the graph by halving:
 * W₁ of the leading block, L₂₁ = H₂₁·W₁ᵀ, W₂ of the Schur complement H₂₂ − L₂₁·L₂₁ᵀ, and −W₂·L₂₁·W₁ below.
 * A pivot that is too small gives a zero row instead of a division by it, so singular H pass through.
 * @param h [N, size, size], symmetric positive semi-definite with a unit diagonal, or zeros where a row is dropped
 * @param smallestPivots [N, 1, size], positive: pivots that are not larger are dropped
 * @returns [N, size, size], lower triangular
 */
export function inverseCholesky(graph: GraphBuilder, h: Value, size: number, smallestPivots: Value): Value {
  if (size === 1) {
    const reciprocal = graph.div(graph.double(1), graph.sqrt(graph.max(h, smallestPivots)));
    return graph.where(graph.greater(h, smallestPivots), reciprocal, graph.double(0));
  }
  const head = Math.ceil(size / 2);
  const tail = size - head;
  const [top, bottom] = graph.split(h, 1, [head, tail]) as [Value, Value];
  const h11 = graph.slice(top, 2, 0, head);
  const [h21, h22] = graph.split(bottom, 2, [head, tail]) as [Value, Value];

  const [headPivots, tailPivots] = graph.split(smallestPivots, 2, [head, tail]) as [Value, Value];
  const w1 = inverseCholesky(graph, h11, head, headPivots);
  const l21 = graph.matmul(h21, graph.transposeStack(w1));
  const schur = graph.sub(h22, graph.matmul(l21, graph.transposeStack(l21)));
  const w2 = inverseCholesky(graph, schur, tail, tailPivots);
  const w21 = graph.neg(graph.matmul(w2, graph.matmul(l21, w1)));
  const zeros = graph.sub(graph.transposeStack(w21), graph.transposeStack(w21));
  return graph.concat([graph.concat([w1, zeros], 2), graph.concat([w21, w2], 2)], 1);
}
