import type { Derivation, MatrixSource, TuckerSide } from '../../adapter/staging-plan.ts';
import type { MatrixForm, Rows } from '../../engine/kernel-types.ts';
import type { DeriveContext } from './derive-context.ts';
import { type IndexSpan, indexSpans, pairSpans } from './spans.ts';

/** ΔW of a derivation, some rows at a time: it is never in memory as a whole. */
export class UpdateRows {
  readonly #derivation: Derivation;
  readonly #context: Pick<DeriveContext, 'kernels' | 'reader'>;

  constructor(derivation: Derivation, context: Pick<DeriveContext, 'kernels' | 'reader'>) {
    this.#derivation = derivation;
    this.#context = context;
  }

  /** Yields every row once, in order. The blocks are the same each time. */
  async *blocks(): AsyncGenerator<{ readonly span: IndexSpan; readonly w: Rows }> {
    const { kernels, reader } = this.#context;
    const derivation = this.#derivation;
    const { m, n } = derivation;
    const computed = (span: IndexSpan, data: Float64Array) => {
      return { span, w: { data, rows: span[1] - span[0], columns: n } };
    };
    switch (derivation.kind) {
      case 'dense':
        for (const span of indexSpans(m, n)) yield { span, w: reader.read(derivation.update, span) };
        return;
      case 'hadamard':
      case 'hadamard-tucker':
        for (const span of indexSpans(m, n)) {
          const [x, y] = this.#sides(derivation, span);
          yield computed(span, await kernels.updateRows('hadamard', x, y));
        }
        return;
      case 'kronecker': {
        const { w1, w2, kernel } = derivation;
        for (const { x, y, rows } of pairSpans(rowsOf(w1), rowsOf(w2), n)) {
          const [left, right] = [this.#rows(w1, kernel, x), this.#rows(w2, kernel, y)];
          yield computed(rows, await kernels.updateRows('kronecker', left, right));
        }
        return;
      }
      case 'tucker':
      case 'diagonal':
        throw new RangeError(`module "${derivation.module}": the rank of this update cannot be chosen`);
    }
  }

  #sides(
    derivation: Extract<Derivation, { kind: 'hadamard' | 'hadamard-tucker' }>,
    span: IndexSpan,
  ): [MatrixForm, MatrixForm] {
    if (derivation.kind === 'hadamard') {
      const { w1a, w1b, w2a, w2b } = derivation;
      const product = (left: typeof w1a, right: typeof w1a) => this.#rows({ left, right }, 1, span);
      return [product(w1a, w1b), product(w2a, w2b)];
    }
    const { sides, kernel } = derivation;
    return [this.#rows(sides[0], kernel, span), this.#rows(sides[1], kernel, span)];
  }

  #rows(source: MatrixSource | TuckerSide, kernel: number, span: IndexSpan): MatrixForm {
    const { reader } = this.#context;
    if ('t' in source) {
      const { t, a, b } = source;
      const side = reader.read(a, undefined, span);
      return { core: reader.read(t), factor: reader.read(b), kernel, side };
    }
    if ('left' in source) return { left: reader.read(source.left, span), right: reader.read(source.right) };
    return reader.read(source, span);
  }
}

/** Number of rows of a matrix, of a product, or of aᵀ·(t collapsed with b). */
function rowsOf(source: MatrixSource | TuckerSide): number {
  if ('t' in source) return source.a.columns;
  return 'left' in source ? source.left.rows : source.rows;
}
