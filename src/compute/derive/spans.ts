/**
 * How many derived numbers are in memory at a time: 8 MB as float32, and several times that in a graph. Memory
 * therefore does not grow with the size of a module.
 */
export const SPAN_NUMBERS = 2 * 1024 * 1024;

export type IndexSpan = readonly [begin: number, end: number];

/** Divides `total` items of `numbers` numbers each into spans of at most SPAN_NUMBERS, or of one item. */
export function indexSpans(total: number, numbers: number): IndexSpan[] {
  const maximum = Math.max(1, Math.floor(SPAN_NUMBERS / Math.max(1, numbers)));
  const count = Math.ceil(total / maximum);
  const edge = (index: number): number => Math.floor((total * index) / count);
  return Array.from({ length: count }, (_, index) => [edge(index), edge(index + 1)] as const);
}

/** Consecutive rows of a Kronecker product: those of some rows of x with some rows of y. */
export interface PairSpan {
  readonly x: IndexSpan;
  readonly y: IndexSpan;
  /** Of the product. */
  readonly rows: IndexSpan;
}

/**
 * Divides the rows of x ⊗ y into spans: several rows of x with all of y, or one row of x with some of y.
 * @param width columns of the product
 */
export function pairSpans(rowsOfX: number, rowsOfY: number, width: number): PairSpan[] {
  const rows = (x: IndexSpan, y: IndexSpan): PairSpan => ({
    x,
    y,
    rows: [x[0] * rowsOfY + y[0], (x[1] - 1) * rowsOfY + y[1]],
  });
  return indexSpans(rowsOfX, rowsOfY * width).flatMap((x): PairSpan[] =>
    x[1] - x[0] > 1 ? [rows(x, [0, rowsOfY])] : indexSpans(rowsOfY, width).map((y) => rows(x, y)),
  );
}
