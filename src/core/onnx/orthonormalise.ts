import { inverseCholesky } from './cholesky.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';

/** Columns orthonormalised at a time; the number of columns must be a multiple of it. */
export const BLOCK = 16;

/**
 * Share of a column's squared length that must be new, or the column is a combination of earlier ones. Float64 Gram
 * matrices hold rounding below about 1e-15; keeping less than this was measured to let noise into the factors.
 */
const SMALLEST_NEW_SHARE = 1e-14;
/** Keeps divisions finite; far below every squared length of a scaled problem. */
const TINY = 1e-300;

/**
 * Columns Q spanning those of `columns`, orthonormal in the inner product of `gram`: Qᵀ·gram·Q = I. With gram = BᵀB
 * that makes B·Q orthonormal without ever forming it. Block Gram-Schmidt done twice (BCGS2): project against the
 * finished columns, then Cholesky-QR the block. A column that depends on earlier ones becomes zero.
 * @param gram [N, r, r] symmetric positive semi-definite
 * @param columns [N, r, count]
 * @returns basis Q and image gram·Q, both [N, r, count]
 */
export function orthonormalise(
  graph: GraphBuilder,
  gram: Value,
  columns: Value,
  count: number,
): { basis: Value; image: Value } {
  const identity = graph.identity(count);
  const none = graph.sub(columns, columns);
  const shape = { type: 'double', dims: ['N', 'r', count] } as const;
  const [basis, image] = graph.loop(
    count / BLOCK,
    [none, none],
    [shape, shape],
    (body, [finished, finishedImage], round) => {
      const begin = body.mul(round, body.ints([BLOCK]));
      const end = body.add(begin, body.ints([BLOCK]));
      const window = (x: Value, axis: number): Value => body.op('Slice', [x, begin, end, body.ints([axis])]);
      const block = window(columns, 2);
      const done = cleanBlock(body, gram, { basis: finished!, image: finishedImage! }, block);
      // Puts the block's columns at their place among zeros.
      const place = window(identity, 0);
      return {
        state: [
          body.add(finished!, body.matmul(done.basis, place)),
          body.add(finishedImage!, body.matmul(done.image, place)),
        ],
      };
    },
  );
  return { basis: basis!, image: image! };
}

interface Columns {
  readonly basis: Value;
  readonly image: Value;
}

/** Two passes: the second removes what rounding left of the finished columns and of the block's own. */
function cleanBlock(graph: GraphBuilder, gram: Value, finished: Columns, block: Value): Columns {
  const finishedRows = graph.transposeStack(finished.image);
  const shape = { type: 'double', dims: ['N', 'r', BLOCK] } as const;
  const [basis, image] = graph.loop(
    2,
    [block, graph.matmul(gram, block)],
    [shape, shape],
    (body, [x, imageOfX]) => {
      const original = squaredLengths(body, x!, imageOfX!);
      const rest = body.sub(x!, body.matmul(finished.basis, body.matmul(finishedRows, x!)));
      const unit = toUnitLength(body, { basis: rest, image: body.matmul(gram, rest) }, original);
      const { basis: clean, image: cleanImage } = choleskyQr(body, unit);
      return { state: [clean, cleanImage] };
    },
  );
  return { basis: basis!, image: image! };
}

/** xᵢᵀ·gram·xᵢ of every column: [N, 1, columns]. */
function squaredLengths(graph: GraphBuilder, x: Value, image: Value): Value {
  return graph.sum(graph.mul(x, image), [1]);
}

/** Scales columns to unit length; zero where hardly anything of the original length is left. */
function toUnitLength(graph: GraphBuilder, { basis, image }: Columns, original: Value): Columns {
  const lengths = squaredLengths(graph, basis, image);
  const keep = graph.greater(lengths, graph.mul(original, graph.double(SMALLEST_NEW_SHARE)));
  const reciprocal = graph.div(graph.double(1), graph.sqrt(graph.max(lengths, graph.double(TINY))));
  const factor = graph.where(keep, reciprocal, graph.double(0));
  return { basis: graph.mul(basis, factor), image: graph.mul(image, factor) };
}

function choleskyQr(graph: GraphBuilder, { basis, image }: Columns): Columns {
  const h = graph.matmul(graph.transposeStack(basis), image);
  const w = graph.transposeStack(inverseCholesky(graph, h, BLOCK));
  return { basis: graph.matmul(basis, w), image: graph.matmul(image, w) };
}
