import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { decode, encode } from '../../core/half.ts';
import type { Matrix32 } from '../../engine/kernels.ts';
import { AppError } from '../../errors.ts';
import type { FactorRange, ModuleFactors } from './tasks.ts';

/** Reads factors from a file, one module at a time, into buffers that are used again for the next. */
export class FactorReader {
  readonly #buffers = { bytes: new ArrayBuffer(0), a: new ArrayBuffer(0), b: new ArrayBuffer(0) };

  /** The module's factors as float32; valid until the next call. */
  read(path: string, module: ModuleFactors): { b: Matrix32; a: Matrix32 } {
    const file = openSync(path, 'r');
    try {
      const b = this.#factor(file, module.b, 'b');
      const a = this.#factor(file, module.a, 'a');
      return {
        b: { data: b, rows: module.m, columns: module.rank },
        a: { data: a, rows: module.rank, columns: module.n },
      };
    } finally {
      closeSync(file);
    }
  }

  #factor(file: number, factor: FactorRange, slot: 'a' | 'b'): Float32Array {
    const byteCount = factor.endByte - factor.beginByte;
    const bytes = new Uint8Array(this.#buffer('bytes', byteCount), 0, byteCount);
    for (let done = 0; done < byteCount; ) {
      const count = readSync(file, bytes, done, byteCount - done, factor.beginByte + done);
      if (count === 0)
        throw new AppError('STORAGE_FAILED', `The weights end inside tensor "${factor.name}".`);
      done += count;
    }
    const elements = byteCount / (factor.dtype === 'F32' ? 4 : 2);
    const numbers = new Float32Array(this.#buffer(slot, elements * 4), 0, elements);
    decode(factor.dtype, bytes, numbers);
    return numbers;
  }

  #buffer(slot: 'bytes' | 'a' | 'b', byteCount: number): ArrayBuffer {
    if (this.#buffers[slot].byteLength < byteCount) this.#buffers[slot] = new ArrayBuffer(byteCount);
    return this.#buffers[slot];
  }
}

/** Writes one encoded factor at its place in an output file that is there already. */
export function writeFactor(
  path: string,
  offsetBytes: number,
  dtype: FactorRange['dtype'],
  numbers: Float32Array,
): void {
  const bytes = encode(dtype, numbers);
  const file = openSync(path, 'r+');
  try {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(file, bytes, done, bytes.length - done, offsetBytes + done);
    }
  } finally {
    closeSync(file);
  }
}
