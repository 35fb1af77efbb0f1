import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { BYTES_PER_ELEMENT, decode, encode } from '../core/half.ts';
import type { Matrix32 } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';
import type { Chunk, FactorRange, ModuleFactors } from './module-factors.ts';

/** Reads factors from a file, one chunk at a time, into buffers that are used again for the next. */
export class FactorReader {
  readonly #buffers = { bytes: new ArrayBuffer(0), a: new ArrayBuffer(0), b: new ArrayBuffer(0) };

  /** Some rows of B and columns of A as float32; valid until the next call. */
  read(path: string, module: ModuleFactors, { rows, columns }: Chunk): { b: Matrix32; a: Matrix32 } {
    const { rank, n } = module;
    const file = openSync(path, 'r');
    try {
      return {
        b: this.#block(file, module.b, 'b', rank, { rows, columns: [0, rank] }),
        a: this.#block(file, module.a, 'a', n, { rows: [0, rank], columns }),
      };
    } finally {
      closeSync(file);
    }
  }

  /**
   * A block of a row-major matrix: one read where it lies in one piece, else one a row.
   * @param width columns of the whole factor
   */
  #block(
    file: number,
    factor: FactorRange,
    slot: 'a' | 'b',
    width: number,
    { rows: [top, bottom], columns: [left, right] }: Chunk,
  ): Matrix32 {
    const size = BYTES_PER_ELEMENT[factor.dtype];
    const rows = bottom - top;
    const columns = right - left;
    const bytes = new Uint8Array(this.#buffer('bytes', rows * columns * size), 0, rows * columns * size);
    const pieces = columns === width ? 1 : rows;
    const pieceBytes = bytes.length / pieces;
    for (let piece = 0; piece < pieces; piece++) {
      const from = factor.beginByte + ((top + piece) * width + left) * size;
      readAll(file, bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes), from, factor.name);
    }
    const data = new Float32Array(this.#buffer(slot, rows * columns * 4), 0, rows * columns);
    decode(factor.dtype, bytes, data);
    return { data, rows, columns };
  }

  #buffer(slot: 'bytes' | 'a' | 'b', byteCount: number): ArrayBuffer {
    if (this.#buffers[slot].byteLength < byteCount) this.#buffers[slot] = new ArrayBuffer(byteCount);
    return this.#buffers[slot];
  }
}

function readAll(file: number, into: Uint8Array, position: number, tensor: string): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) throw new AppError('STORAGE_FAILED', `The weights end inside tensor "${tensor}".`);
    done += count;
  }
}

/**
 * Writes a block of a factor at its place in an output file that is there already.
 * @param offsetBytes where the whole factor begins
 * @param width columns of the whole factor
 * @param top first row of the block
 * @param left first column of the block
 */
export function writeBlock(
  path: string,
  { offsetBytes, dtype, width }: { offsetBytes: number; dtype: FactorRange['dtype']; width: number },
  { data, rows, columns }: Matrix32,
  top: number,
  left: number,
): void {
  const bytes = encode(dtype, data);
  const size = BYTES_PER_ELEMENT[dtype];
  const pieces = columns === width ? 1 : rows;
  const pieceBytes = bytes.length / pieces;
  const file = openSync(path, 'r+');
  try {
    for (let piece = 0; piece < pieces; piece++) {
      const to = offsetBytes + ((top + piece) * width + left) * size;
      writeAll(file, bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes), to);
    }
  } finally {
    closeSync(file);
  }
}

/** Writes bytes at a place of a file that is there already. */
export function writeAt(path: string, bytes: Uint8Array, position: number): void {
  const file = openSync(path, 'r+');
  try {
    writeAll(file, bytes, position);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}
