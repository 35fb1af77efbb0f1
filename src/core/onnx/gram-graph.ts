import { GraphBuilder, type Value } from './graph-builder.ts';

/**
 * The two Gram matrices of some modules of one shape, which are all that the decomposition needs.
 *
 * Inputs: b [N, m, r], a [N, r, n] float32, and the sums of the earlier chunks of the modules: gram_b_before,
 * gram_a_before, float64 [N, r, r]. Outputs: gram_b = gram_b_before + BᵀB, gram_a = gram_a_before + AAᵀ, computed in
 * float64: a float32 product would lose the difference between an optimal truncation and a good one.
 * @param parts cuts the rank into this many blocks, of which only those on and above the diagonal are multiplied:
 *   (parts + 1) / (2·parts) of the work. Must not exceed r.
 */
export function gramGraph(parts: number): Uint8Array {
  const graph = new GraphBuilder(`gram_${parts}`);
  const b = graph.input('b', 'float', ['N', 'm', 'r']);
  const a = graph.input('a', 'float', ['N', 'r', 'n']);
  const squares = ['N', 'r', 'r'] as const;
  const beforeB = graph.input('gram_b_before', 'double', squares);
  const beforeA = graph.input('gram_a_before', 'double', squares);
  const gramB = symmetric(graph, pieces(graph, b, 2, parts), (x, y) =>
    graph.matmul(graph.transposeStack(x), y),
  );
  const gramA = symmetric(graph, pieces(graph, a, 1, parts), (x, y) =>
    graph.matmul(x, graph.transposeStack(y)),
  );
  graph.output('gram_b', graph.add(beforeB, gramB), 'double', squares);
  graph.output('gram_a', graph.add(beforeA, gramA), 'double', squares);
  return graph.build();
}

/** Cut before the cast, so that the smaller type is copied. */
function pieces(graph: GraphBuilder, x: Value, axis: number, parts: number): Value[] {
  const cut =
    parts === 1 ? [x] : graph.ops('Split', [x], parts, { axis: { int: axis }, num_outputs: { int: parts } });
  return cut.map((piece) => graph.cast(piece, 'double'));
}

/** The whole of a symmetric product from its upper blocks. */
function symmetric(
  graph: GraphBuilder,
  blocks: readonly Value[],
  product: (left: Value, right: Value) => Value,
): Value {
  const upper = blocks.map((left, i) => blocks.slice(i).map((right) => product(left, right)));
  const at = (i: number, j: number): Value =>
    i <= j ? upper[i]![j - i]! : graph.transposeStack(upper[j]![i - j]!);
  if (blocks.length === 1) return at(0, 0);
  const rows = blocks.map((_, i) =>
    graph.concat(
      blocks.map((_, j) => at(i, j)),
      2,
    ),
  );
  return graph.concat(rows, 1);
}
