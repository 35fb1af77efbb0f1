import { closeSync, openSync, readSync } from 'node:fs';
import type { MatrixEntry } from '../../adapter/staging-plan.ts';
import { BYTES_PER_ELEMENT, decode } from '../../core/half.ts';
import type { Matrix32 } from '../../engine/kernel-types.ts';
import { AppError } from '../../errors/app-error.ts';
import type { IndexSpan } from './spans.ts';

/** Reads blocks of matrices in one file as float32. */
export class MatrixReader {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'r');
  }

  /**
   * @param rows default: all
   * @param columns default: all
   * @throws AppError STORAGE_FAILED if the file ends before the matrix does
   */
  read(
    { entry, rows: height, columns: width }: MatrixEntry,
    rows: IndexSpan = [0, height],
    columns: IndexSpan = [0, width],
  ): Matrix32 {
    const size = BYTES_PER_ELEMENT[entry.dtype];
    const result = { rows: rows[1] - rows[0], columns: columns[1] - columns[0] };
    const bytes = new Uint8Array(result.rows * result.columns * size);
    // One read if the block is contiguous, otherwise one per row.
    const pieces = result.columns === width ? 1 : result.rows;
    const pieceBytes = bytes.length / Math.max(1, pieces);
    for (let piece = 0; piece < pieces; piece++) {
      const from = entry.beginByte + ((rows[0] + piece) * width + columns[0]) * size;
      this.#fill(bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes), from, entry.name);
    }
    const data = new Float32Array(result.rows * result.columns);
    decode(entry.dtype, bytes, data);
    return { data, ...result };
  }

  close(): void {
    closeSync(this.#file);
  }

  #fill(into: Uint8Array, position: number, tensor: string): void {
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.#file, into, done, into.length - done, position + done);
      if (count === 0) throw new AppError('STORAGE_FAILED', `The weights end inside tensor "${tensor}".`);
      done += count;
    }
  }
}
