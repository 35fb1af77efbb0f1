import { inverseCholesky } from './cholesky.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';
import { BLOCK } from './orthonormalise.ts';

/** The share of a column's squared length that must be orthogonal to the finished columns; less is rounding. */
const NEW_SHARE = 1e-26;
/** The same relative to the columns of its own block, which are only distinguished by their Gram matrix. */
const BLOCK_SHARE = 1e-14;
/** Keeps divisions finite; far below every squared length there can be. */
const TINY = 1e-300;

/**
 * An orthonormal basis of the columns of a tall matrix: block Gram-Schmidt done twice (BCGS2) on the columns
 * themselves, with Cholesky-QR inside a block. Unlike `orthonormalise`, which only uses the Gram matrix of the
 * columns, this resolves directions down to 1e-13 of the longest.
 *
 * Input: x [1, r, count] float64. Output: q [1, r, count]; a column that depends on earlier ones becomes zero or,
 * occasionally, a unit vector of rounding noise, which is orthogonal to the others as well.
 * @param count a multiple of BLOCK
 */
export function orthonormalColumnsGraph(count: number): Uint8Array {
  const graph = new GraphBuilder(`orthonormal_columns_${count}`);
  const shape = { type: 'double', dims: ['N', 'r', count] } as const;
  const x = graph.input('x', 'double', shape.dims);
  const identity = graph.identity(count);
  const [basis] = graph.loop(count / BLOCK, [graph.sub(x, x)], [shape], (body, [finished], trip) => {
    const begin = body.mul(trip, body.ints([BLOCK]));
    const end = body.add(begin, body.ints([BLOCK]));
    const window = (value: Value, axis: number): Value =>
      body.op('Slice', [value, begin, end, body.ints([axis])]);
    const once = cleaned(body, finished!, window(x, 2), NEW_SHARE);
    const twice = cleaned(body, finished!, once, BLOCK_SHARE);
    return { state: [body.add(finished!, body.matmul(twice, window(identity, 0)))] };
  });
  graph.output('q', basis!, 'double', shape.dims);
  return graph.build();
}

/** One pass over a block: against the finished columns, then against itself. */
function cleaned(graph: GraphBuilder, finished: Value, block: Value, share: number): Value {
  const lengths = (value: Value): Value => graph.sum(graph.mul(value, value), [1]);
  const rest = graph.sub(block, graph.matmul(finished, graph.matmul(graph.transposeStack(finished), block)));
  const [before, left] = [lengths(block), lengths(rest)];
  const smallest = graph.max(graph.mul(before, graph.double(share)), graph.double(TINY));
  const isNew = graph.greater(left, smallest);
  const reciprocal = graph.div(graph.double(1), graph.sqrt(graph.max(left, smallest)));
  const unit = graph.mul(rest, graph.where(isNew, reciprocal, graph.double(0)));
  const gram = graph.matmul(graph.transposeStack(unit), unit);
  const pivots = graph.add(graph.mul(lengths(unit), graph.double(0)), graph.double(BLOCK_SHARE));
  const inverse = inverseCholesky(graph, gram, BLOCK, pivots);
  return graph.matmul(unit, graph.transposeStack(inverse));
}
