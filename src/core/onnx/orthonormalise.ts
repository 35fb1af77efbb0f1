import { inverseCholesky } from './cholesky.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';

/** Columns that are orthonormalised at a time. Their total number must be a multiple of this, or smaller and even. */
export const BLOCK = 16;

/**
 * The share of a column's squared length that must be new; otherwise the column is postponed. A first round with a
 * large share keeps out columns that would mostly be cancellation, as long as there are better ones for the same
 * direction.
 */
const FIRST_SHARE = 1e-4;
/** In the last round, a smaller new share is rounding of the float64 Gram matrix, and the column becomes zero. */
const LAST_SHARE = 1e-14;
/**
 * The share of its squared length that a column must keep in the second pass. A column that is really new keeps
 * nearly all of it ("twice is enough": Parlett, The Symmetric Eigenvalue Problem, §6.9); one that does not was
 * rounding, which the first pass scaled to unit length, and becomes zero.
 */
const KEPT_SHARE = 0.5;
/** Keeps divisions finite; far below every squared length of a scaled problem. */
const TINY = 1e-300;

/**
 * Columns Q spanning those of `columns`, orthonormal in the inner product of `gram`: Qᵀ·gram·Q = I. With gram = BᵀB
 * that makes B·Q orthonormal without ever forming it. Block Gram-Schmidt done twice (BCGS2): project against the
 * finished columns, then Cholesky-QR the block. A column that depends on the others becomes zero.
 * @param rounds 2 where columns may depend on each other to rounding and all of their span counts, as when they are
 * the coordinates themselves; 1 where columns are random mixtures
 * @param gram [N, r, r] symmetric positive semi-definite
 * @param columns [N, r, count]
 * @returns basis Q and image gram·Q, both [N, r, count]
 */
export function orthonormalise(
  graph: GraphBuilder,
  gram: Value,
  columns: Value,
  count: number,
  rounds: 1 | 2,
): { basis: Value; image: Value } {
  const identity = graph.identity(count);
  const none = graph.sub(columns, columns);
  const shape = { type: 'double', dims: ['N', 'r', count] } as const;
  const width = Math.min(BLOCK, count);
  const blocks = count / width;
  const [basis, image] = graph.loop(
    blocks * rounds,
    [none, none, graph.double(0)],
    [shape, shape, { type: 'double', dims: [] }],
    (body, [finished, finishedImage, putOffBefore], trip) => {
      const isLastRound = body.greater(trip, body.ints([blocks * (rounds - 1) - 1], []));
      const share = body.where(isLastRound, body.double(LAST_SHARE), body.double(FIRST_SHARE));
      const begin = body.mul(body.op('Mod', [trip, body.ints([blocks], [])]), body.ints([width]));
      const end = body.add(begin, body.ints([width]));
      const window = (x: Value, axis: number): Value => body.op('Slice', [x, begin, end, body.ints([axis])]);
      const block = window(columns, 2);
      const blockImage = body.matmul(gram, block);
      const earlier = { basis: finished!, image: finishedImage! };
      const done = cleanBlock(body, gram, earlier, { basis: block, image: blockImage }, { share, width });
      // Puts the block's columns at their place among zeros.
      const place = window(identity, 0);
      // Columns of some length that did not become unit length are put off; without any, one round is enough.
      const isMissing = body.and(
        body.greater(squaredLengths(body, block, blockImage), body.double(0)),
        body.greater(body.double(0.5), squaredLengths(body, done.basis, done.image)),
      );
      const missing = body.reduceMax(body.cast(isMissing, 'double'), [0, 1, 2], false);
      const putOff = body.max(putOffBefore!, missing);
      const isFirstRoundOver = body.op('Equal', [trip, body.ints([blocks - 1], [])]);
      const isComplete = body.not(body.greater(putOff, body.double(0)));
      return {
        state: [
          body.add(finished!, body.matmul(done.basis, place)),
          body.add(finishedImage!, body.matmul(done.image, place)),
          putOff,
        ],
        go: body.not(body.and(isFirstRoundOver, isComplete)),
      };
    },
  );
  return { basis: basis!, image: image! };
}

interface Columns {
  readonly basis: Value;
  readonly image: Value;
}

/**
 * Makes a block orthogonal in two passes. The second removes the components along finished columns, and along other
 * columns of the block, that rounding left in the first.
 * @param share of its squared length that a column must keep in the first pass
 * @param width columns of the block
 */
function cleanBlock(
  graph: GraphBuilder,
  gram: Value,
  finished: Columns,
  block: Columns,
  { share, width }: { readonly share: Value; readonly width: number },
): Columns {
  const finishedRows = graph.transposeStack(finished.image);
  const shape = { type: 'double', dims: ['N', 'r', width] } as const;
  const [basis, image] = graph.loop(
    2,
    [block.basis, block.image],
    [shape, shape],
    (body, [x, imageOfX], trip) => {
      const isFirst = body.op('Equal', [trip, body.ints([0], [])]);
      const smallestShare = body.where(isFirst, share, body.double(KEPT_SHARE));
      const original = squaredLengths(body, x!, imageOfX!);
      const rest = body.sub(x!, body.matmul(finished.basis, body.matmul(finishedRows, x!)));
      const unit = toUnitLength(
        body,
        { basis: rest, image: body.matmul(gram, rest) },
        original,
        smallestShare,
      );
      const { basis: clean, image: cleanImage } = choleskyQr(body, unit, width);
      return { state: [clean, cleanImage] };
    },
  );
  return { basis: basis!, image: image! };
}

/** xᵢᵀ·gram·xᵢ of every column: [N, 1, columns]. */
function squaredLengths(graph: GraphBuilder, x: Value, image: Value): Value {
  return graph.sum(graph.mul(x, image), [1]);
}

/**
 * Scales columns to unit length; zero where hardly anything of the original length is left.
 * @returns also the share of each column's new squared length that the smallest share of its original one makes
 */
function toUnitLength(
  graph: GraphBuilder,
  { basis, image }: Columns,
  original: Value,
  smallestShare: Value,
): Columns & { smallestPivots: Value } {
  const lengths = squaredLengths(graph, basis, image);
  const smallest = graph.max(graph.mul(original, smallestShare), graph.double(TINY));
  const safe = graph.max(lengths, smallest);
  const reciprocal = graph.div(graph.double(1), graph.sqrt(safe));
  const factor = graph.where(graph.greater(lengths, smallest), reciprocal, graph.double(0));
  return {
    basis: graph.mul(basis, factor),
    image: graph.mul(image, factor),
    smallestPivots: graph.div(smallest, safe),
  };
}

function choleskyQr(
  graph: GraphBuilder,
  { basis, image, smallestPivots }: Columns & { readonly smallestPivots: Value },
  width: number,
): Columns {
  const h = graph.matmul(graph.transposeStack(basis), image);
  const w = graph.transposeStack(inverseCholesky(graph, h, width, smallestPivots));
  return { basis: graph.matmul(basis, w), image: graph.matmul(image, w) };
}
