import type { Derivation, MatrixEntry, MatrixSource, TuckerSide } from '../../adapter/staging-plan.ts';
import { permute } from '../../core/permute.ts';
import type { Matrix32, MatrixForm } from '../../engine/kernel-types.ts';
import type { DeriveContext } from './derive-context.ts';
import type { MatrixReader } from './matrix-reader.ts';
import { pairSpans, type Span } from './spans.ts';

/** One factor of a matrix: how many rows it has, and some of them. */
interface Side {
  readonly rows: number;
  read(reader: MatrixReader, rows: Span): MatrixForm;
}

/** One way to write a matrix as a product. */
interface Product {
  readonly left: Side;
  readonly right: Side;
  readonly inner: number;
}

/**
 * kron(P·Q, R·S) = kron(P, R)·kron(Q, S), where a matrix that is no product in the file is itself times a unit matrix,
 * on the side that gives the rank asked for. A convolution needs nothing more: with w2 [rows, columns·kernel] the
 * columns of the Kronecker product lie as those of ΔW flattened.
 * @returns false where no such product has the derivation's rank: nothing was written
 */
export async function kroneckerFactors(
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
    return [{ left: transposed(source.a), right: core(source, kernel), inner: source.t.rows }];
  if ('left' in source)
    return [{ left: plain(source.left), right: plain(source.right), inner: source.left.columns }];
  const { rows, columns } = source;
  return [
    { left: plain(source), right: unit(columns), inner: columns },
    { left: unit(rows), right: plain(source), inner: rows },
  ];
}

const plain = (matrix: MatrixEntry): Side => ({
  rows: matrix.rows,
  read: (reader, rows) => reader.read(matrix, rows),
});

const unit = (size: number): Side => ({ rows: size, read: (_, rows) => unitRows(size, rows) });

const transposed = (matrix: MatrixEntry): Side => ({
  rows: matrix.columns,
  read(reader, columns) {
    const { data, rows: width, columns: height } = reader.read(matrix, undefined, columns);
    const bytes = permute(new Uint8Array(data.buffer), 4, [width, height], [1, 0]);
    return { data: new Float32Array(bytes.buffer), rows: height, columns: width };
  },
});

const core = ({ t, b }: TuckerSide, kernel: number): Side => ({
  rows: t.rows,
  read: (reader, rows) => ({ core: reader.read(t, rows), factor: reader.read(b), kernel }),
});

function unitRows(size: number, [begin, end]: Span): Matrix32 {
  const data = new Float32Array((end - begin) * size);
  for (let row = begin; row < end; row++) data[(row - begin) * size + row] = 1;
  return { data, rows: end - begin, columns: size };
}
