import type { Derivation, MatrixEntry } from '../../adapter/staging-plan.ts';
import type { DeriveContext } from './derive-context.ts';
import { kroneckerFactors } from './kronecker-factors.ts';
import { type Span, spans } from './spans.ts';

type Of<K extends Derivation['kind']> = Extract<Derivation, { kind: K }>;

/**
 * Writes the factors of a derivation where they are exact at its rank.
 * @returns false where they are not: nothing was written
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
    for (const rows of spans(m, rank))
      sink.write('b', await kernels.pairs('rows', reader.read(w1a, rows), reader.read(w2a, rows)), rows);
  }
  if (!sink.wants('a')) return;
  for (const columns of spans(n, rank)) {
    const [x, y] = [reader.read(w1b, undefined, columns), reader.read(w2b, undefined, columns)];
    sink.write('a', await kernels.pairs('columns', x, y), [0, rank], columns);
  }
}

/** As hadamard, with w1a = aᵀ and w1b the core collapsed with b. */
async function hadamardTucker(
  { rank, m, n, sides, kernel }: Of<'hadamard-tucker'>,
  { kernels, reader, sink }: DeriveContext,
): Promise<void> {
  const [x, y] = sides;
  if (sink.wants('b')) {
    for (const rows of spans(m, rank)) {
      const block = (matrix: MatrixEntry) => reader.read(matrix, undefined, rows);
      sink.write('b', await kernels.pairs('columns-transposed', block(x.a), block(y.a)), rows);
    }
  }
  if (!sink.wants('a')) return;
  const [coreX, coreY] = [reader.read(x.t), reader.read(y.t)];
  for (const inputs of spans(n / kernel, rank * kernel)) {
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
  if (sink.wants('b')) {
    for (const rows of spans(m, rank)) {
      const { data } = reader.read(up, rows);
      sink.write('b', { data, energy: 0 }, rows);
    }
  }
  if (!sink.wants('a')) return;
  const core = reader.read(mid);
  for (const inputs of spans(n / kernel, rank * kernel)) {
    const factor = reader.read(down, undefined, inputs);
    const made = await kernels.rounded({ core, factor, kernel });
    sink.write('a', made, [0, rank], flattened(inputs, kernel));
  }
}

/** Columns of A that belong to some inputs of a convolution. */
const flattened = ([begin, end]: Span, kernel: number): Span => [begin * kernel, end * kernel];
