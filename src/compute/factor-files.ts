import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { BYTES_PER_ELEMENT, decode, encode } from '../core/half.ts';
import type { Matrix32, Stack32 } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';
import type { Chunk, FactorRange, ModuleFactors } from './module-factors.ts';

/** Runs `work` with a file opened for reading. */
export async function withFile<T>(path: string, work: (file: number) => Promise<T>): Promise<T> {
  const file = openSync(path, 'r');
  try {
    return await work(file);
  } finally {
    closeSync(file);
  }
}

/** Reads factors from a file, one chunk at a time, into buffers that the next call reuses. */
export class FactorReader {
  readonly #buffers = { bytes: new ArrayBuffer(0), a: new ArrayBuffer(0), b: new ArrayBuffer(0) };

  /**
   * Some rows of B and columns of A of modules of one shape, as float32; valid until the next call.
   * @param file open for reading
   */
  read(
    file: number,
    modules: readonly ModuleFactors[],
    { rows, columns }: Chunk,
  ): { b: Stack32; a: Stack32 } {
    const { rank, n } = modules[0]!;
    return {
      b: this.#blocks(file, modules, 'b', rank, { rows, columns: [0, rank] }),
      a: this.#blocks(file, modules, 'a', n, { rows: [0, rank], columns }),
    };
  }

  /**
   * A block of each module's factor, which is row-major: one read if the block is contiguous, otherwise one per row.
   * @param width columns of the whole factor
   */
  #blocks(
    file: number,
    modules: readonly ModuleFactors[],
    factor: 'a' | 'b',
    width: number,
    { rows: [top, bottom], columns: [left, right] }: Chunk,
  ): Stack32 {
    const rows = bottom - top;
    const columns = right - left;
    const numbers = rows * columns;
    const data = new Float32Array(
      this.#buffer(factor, modules.length * numbers * 4),
      0,
      modules.length * numbers,
    );
    for (const [index, module] of modules.entries()) {
      const { dtype, beginByte, name } = module[factor];
      const size = BYTES_PER_ELEMENT[dtype];
      const own = data.subarray(index * numbers, (index + 1) * numbers);
      // float32 is read directly into its destination.
      const bytes =
        dtype === 'F32'
          ? new Uint8Array(own.buffer, own.byteOffset, own.byteLength)
          : new Uint8Array(this.#buffer('bytes', numbers * size), 0, numbers * size);
      const pieces = columns === width ? 1 : rows;
      const pieceBytes = bytes.length / pieces;
      for (let piece = 0; piece < pieces; piece++) {
        const from = beginByte + ((top + piece) * width + left) * size;
        readAll(file, bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes), from, name);
      }
      if (dtype !== 'F32') decode(dtype, bytes, own);
    }
    return { data, count: modules.length, rows, columns };
  }

  #buffer(slot: 'bytes' | 'a' | 'b', byteCount: number): ArrayBuffer {
    if (this.#buffers[slot].byteLength < byteCount) this.#buffers[slot] = new ArrayBuffer(byteCount);
    return this.#buffers[slot];
  }
}

/** Fills a buffer from a file. @throws AppError STORAGE_FAILED naming the tensor if the file ends before */
export function readAll(file: number, into: Uint8Array, position: number, tensor: string): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) throw new AppError('STORAGE_FAILED', `The weights end inside tensor "${tensor}".`);
    done += count;
  }
}

/** Position of a whole factor in an output file. */
export interface FactorPlace {
  readonly offsetBytes: number;
  readonly dtype: FactorRange['dtype'];
  /** Columns of the whole factor. */
  readonly width: number;
}

/** Writes into existing files, opening each file once. */
export class FactorWriter {
  readonly #files = new Map<string, number>();

  /**
   * Writes a block of a factor at its place.
   * @param top first row of the block
   * @param left first column of the block
   */
  block(
    path: string,
    { offsetBytes, dtype, width }: FactorPlace,
    { data, rows, columns }: Matrix32,
    top: number,
    left: number,
  ): void {
    const bytes = encode(dtype, data);
    const size = BYTES_PER_ELEMENT[dtype];
    const pieces = columns === width ? 1 : rows;
    const pieceBytes = bytes.length / pieces;
    for (let piece = 0; piece < pieces; piece++) {
      const to = offsetBytes + ((top + piece) * width + left) * size;
      this.bytes(path, bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes), to);
    }
  }

  bytes(path: string, bytes: Uint8Array, position: number): void {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = openSync(path, 'r+');
      this.#files.set(path, file);
    }
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}

/** Runs `work` with a writer, and closes its files. */
export async function withWriter<T>(work: (writer: FactorWriter) => Promise<T>): Promise<T> {
  const writer = new FactorWriter();
  try {
    return await work(writer);
  } finally {
    writer.close();
  }
}
