import type { Derivation, MatrixEntry, MatrixSource, TuckerSide } from '../../adapter/staging-plan.ts';
import { permute } from '../../core/permute.ts';
import type { Matrix32, MatrixForm } from '../../engine/kernel-types.ts';
import type { DeriveContext } from './derive-context.ts';
import type { MatrixReader } from './matrix-reader.ts';
import { type IndexSpan, indexSpans, pairSpans } from './spans.ts';

type Of<K extends Derivation['kind']> = Extract<Derivation, { kind: K }>;

/** One factor of a matrix: its number of rows, and a function that computes some of them. */
interface Side {
  readonly rows: number;
  read(reader: MatrixReader, rows: IndexSpan): MatrixForm;
}

/** One way to write a matrix as a product. */
interface Product {
  readonly left: Side;
  readonly right: Side;
  readonly inner: number;
}

/**
 * Writes the factors of a derivation if they are exact at its rank.
 * @returns false if they are not; then nothing was written
 */
export async function exactFactors(derivation: Derivation, context: DeriveContext): Promise<boolean> {
  switch (derivation.kind) {
    case 'hadamard': {
      if (derivation.rank !== derivation.w1a.columns * derivation.w2a.columns) return false;
      await hadamard(derivation, context);
      return true;
    }
    case 'hadamard-tucker': {
      const [x, y] = derivation.sides;
      if (derivation.rank !== x.t.rows * y.t.rows) return false;
      await hadamardTucker(derivation, context);
      return true;
    }
    case 'kronecker':
      return kroneckerFactors(derivation, context);
    case 'tucker':
      await tucker(derivation, context);
      return true;
    case 'diagonal':
      await diagonal(derivation, context);
      return true;
    case 'dense':
      return false;
  }
}

/** (w1a·w1b) ⊙ (w2a·w2b) = (w1a • w2a)·(w1b ∗ w2b): row-wise and column-wise Khatri–Rao products. */
async function hadamard(
  { rank, m, n, w1a, w1b, w2a, w2b }: Of<'hadamard'>,
  { kernels, reader, sink }: DeriveContext,
): Promise<void> {
  if (sink.wants('b')) {
    for (const rows of indexSpans(m, rank))
      sink.write('b', await kernels.pairs('rows', reader.read(w1a, rows), reader.read(w2a, rows)), rows);
  }
  if (!sink.wants('a')) return;
  for (const columns of indexSpans(n, rank)) {
    const [x, y] = [reader.read(w1b, undefined, columns), reader.read(w2b, undefined, columns)];
    sink.write('a', await kernels.pairs('columns', x, y), [0, rank], columns);
  }
}

/** The same as hadamard, with w1a = aᵀ and w1b the core collapsed with b. */
async function hadamardTucker(
  { rank, m, n, sides, kernel }: Of<'hadamard-tucker'>,
  { kernels, reader, sink }: DeriveContext,
): Promise<void> {
  const [x, y] = sides;
  if (sink.wants('b')) {
    for (const rows of indexSpans(m, rank)) {
      const block = (matrix: MatrixEntry) => reader.read(matrix, undefined, rows);
      sink.write('b', await kernels.pairs('columns-transposed', block(x.a), block(y.a)), rows);
    }
  }
  if (!sink.wants('a')) return;
  const [coreX, coreY] = [reader.read(x.t), reader.read(y.t)];
  for (const inputs of indexSpans(n / kernel, rank * kernel)) {
    const side = (core: typeof coreX, b: MatrixEntry) => ({
      core,
      factor: reader.read(b, undefined, inputs),
      kernel,
    });
    const made = await kernels.pairs('columns', side(coreX, x.b), side(coreY, y.b));
    sink.write('a', made, [0, rank], flattened(inputs, kernel));
  }
}

/** B = up, and A[i, r, k] = Σⱼ mid[i, j, k]·down[j, r]. */
async function tucker(
  { rank, m, n, up, mid, down, kernel }: Of<'tucker'>,
  { kernels, reader, sink }: DeriveContext,
): Promise<void> {
  copyRows(up, { m, rank }, { reader, sink });
  if (!sink.wants('a')) return;
  const core = reader.read(mid);
  for (const inputs of indexSpans(n / kernel, rank * kernel)) {
    const factor = reader.read(down, undefined, inputs);
    const made = await kernels.rounded({ core, factor, kernel });
    sink.write('a', made, [0, rank], flattened(inputs, kernel));
  }
}

/** B = left, and row i of A is row i of right times element i of the diagonal. */
async function diagonal(
  { rank, m, n, left, diagonal: numbers, right }: Of<'diagonal'>,
  { kernels, reader, sink }: DeriveContext,
): Promise<void> {
  copyRows(left, { m, rank }, { reader, sink });
  if (!sink.wants('a')) return;
  for (const rows of indexSpans(rank, n))
    sink.write('a', await kernels.pairs('rows', reader.read(right, rows), reader.read(numbers, rows)), rows);
}

/** Writes B if it is a matrix in the file. */
function copyRows(
  matrix: MatrixEntry,
  { m, rank }: { readonly m: number; readonly rank: number },
  { reader, sink }: Pick<DeriveContext, 'reader' | 'sink'>,
): void {
  if (!sink.wants('b')) return;
  for (const rows of indexSpans(m, rank)) {
    const { data } = reader.read(matrix, rows);
    sink.write('b', { data, energy: 0 }, rows);
  }
}

/** The columns of A that belong to some input channels of a convolution. */
const flattened = ([begin, end]: IndexSpan, kernel: number): IndexSpan => [begin * kernel, end * kernel];

/**
 * kron(P·Q, R·S) = kron(P, R)·kron(Q, S), where a matrix that is not a product in the file is itself times a unit
 * matrix, on the side that gives the requested rank. A convolution needs nothing more: with w2 [rows, columns·kernel]
 * the columns of the Kronecker product are those of ΔW flattened.
 * @returns false if no such product has the derivation's rank; nothing was written then
 */
async function kroneckerFactors(
  { rank, n, w1, w2, kernel }: Extract<Derivation, { kind: 'kronecker' }>,
  { kernels, reader, sink }: DeriveContext,
): Promise<boolean> {
  const found = productsOf(w1, kernel)
    .flatMap((x) => productsOf(w2, kernel).map((y) => ({ x, y })))
    .find(({ x, y }) => x.inner * y.inner === rank);
  if (!found) return false;
  const { x, y } = found;
  const write = async (factor: 'a' | 'b', first: Side, second: Side, width: number): Promise<void> => {
    if (!sink.wants(factor)) return;
    for (const span of pairSpans(first.rows, second.rows, width)) {
      const [some, others] = [first.read(reader, span.x), second.read(reader, span.y)];
      sink.write(factor, await kernels.pairs('kronecker', some, others), span.rows);
    }
  };
  await write('b', x.left, y.left, rank);
  await write('a', x.right, y.right, n);
  return true;
}

function productsOf(source: MatrixSource | TuckerSide, kernel: number): Product[] {
  if ('t' in source)
    return [{ left: transposedSide(source.a), right: coreSide(source, kernel), inner: source.t.rows }];
  if ('left' in source)
    return [{ left: plainSide(source.left), right: plainSide(source.right), inner: source.left.columns }];
  const { rows, columns } = source;
  return [
    { left: plainSide(source), right: unitSide(columns), inner: columns },
    { left: unitSide(rows), right: plainSide(source), inner: rows },
  ];
}

const plainSide = (matrix: MatrixEntry): Side => ({
  rows: matrix.rows,
  read: (reader, rows) => reader.read(matrix, rows),
});

const unitSide = (size: number): Side => ({ rows: size, read: (_, rows) => unitRows(size, rows) });

const transposedSide = (matrix: MatrixEntry): Side => ({
  rows: matrix.columns,
  read(reader, columns) {
    const { data, rows: width, columns: height } = reader.read(matrix, undefined, columns);
    const bytes = permute(new Uint8Array(data.buffer), 4, [width, height], [1, 0]);
    return { data: new Float32Array(bytes.buffer), rows: height, columns: width };
  },
});

const coreSide = ({ t, b }: TuckerSide, kernel: number): Side => ({
  rows: t.rows,
  read: (reader, rows) => ({ core: reader.read(t, rows), factor: reader.read(b), kernel }),
});

function unitRows(size: number, [begin, end]: IndexSpan): Matrix32 {
  const data = new Float32Array((end - begin) * size);
  for (let row = begin; row < end; row++) data[(row - begin) * size + row] = 1;
  return { data, rows: end - begin, columns: size };
}
