import type { Derivation } from '../../adapter/staging-plan.ts';
import type { ComputedMatrix } from '../../engine/kernel-types.ts';
import type { Kernels } from '../../engine/kernels.ts';
import { AppError } from '../../errors/app-error.ts';
import type { FactorWriter } from '../factor-files.ts';
import type { MatrixReader } from './matrix-reader.ts';
import type { IndexSpan } from './spans.ts';

/**
 * Computes plain factors, in float32, for one module of another kind and writes them to their places in the staged
 * file.
 */
export interface DeriveTask {
  readonly kind: 'derive';
  readonly derivation: Derivation;
  readonly sourcePath: string;
  /** The staged file, which already has its full size. */
  readonly path: string;
  /** Position of the first byte of each factor; null if the factor is not needed. */
  readonly offsetA: number | null;
  readonly offsetB: number | null;
}

/** What a derivation uses. */
export interface DeriveContext {
  readonly kernels: Kernels['derive'];
  readonly reader: MatrixReader;
  readonly sink: FactorSink;
}

/** Writes blocks of a module's derived factors to their places in the staged file. */
export class FactorSink {
  readonly #task: Pick<DeriveTask, 'derivation' | 'path' | 'offsetA' | 'offsetB'>;

  readonly #writer: FactorWriter;

  constructor(task: Pick<DeriveTask, 'derivation' | 'path' | 'offsetA' | 'offsetB'>, writer: FactorWriter) {
    this.#task = task;
    this.#writer = writer;
  }

  wants(factor: 'a' | 'b'): boolean {
    return this.#offsetOf(factor) !== null;
  }

  /**
   * @param columns which columns of the factor; default: all
   * @throws AppError NON_FINITE_RESULT naming the module if a number does not fit into float32
   */
  write(factor: 'a' | 'b', { data, energy }: ComputedMatrix, rows: IndexSpan, columns?: IndexSpan): void {
    const { derivation, path } = this.#task;
    if (!Number.isFinite(energy)) {
      const { module } = derivation;
      const message = `Module "${module}" cannot be converted to LoRA factors: a number is too large for float32.`;
      throw new AppError('NON_FINITE_RESULT', message, { module });
    }
    const offsetBytes = this.#offsetOf(factor);
    if (offsetBytes === null) return;
    const width = factor === 'a' ? derivation.n : derivation.rank;
    const [left, right] = columns ?? [0, width];
    const block = { data, rows: rows[1] - rows[0], columns: right - left };
    if (block.rows * block.columns !== data.length)
      throw new RangeError(`${data.length} numbers do not fill a block of ${block.rows}×${block.columns}`);
    this.#writer.block(path, { offsetBytes, dtype: 'F32', width }, block, rows[0], left);
  }

  #offsetOf(factor: 'a' | 'b'): number | null {
    return factor === 'a' ? this.#task.offsetA : this.#task.offsetB;
  }
}
