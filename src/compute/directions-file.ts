import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { Directions } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';

/**
 * A place for one module's directions in a file, between the passes: in memory they would grow with the adapter
 * (2·rank·count numbers a module).
 */
export interface DirectionsSlot {
  readonly path: string;
  readonly offsetBytes: number;
  readonly rank: number;
  readonly count: number;
}

/** Lays slots out one after another. The file need not exist. */
export function slotsFor(
  path: string,
  modules: readonly { readonly rank: number; readonly count: number }[],
): DirectionsSlot[] {
  let offsetBytes = 0;
  return modules.map(({ rank, count }) => {
    const slot = { path, offsetBytes, rank, count };
    offsetBytes += sizeOf(slot);
    return slot;
  });
}

const sizeOf = ({ rank, count }: Pick<DirectionsSlot, 'rank' | 'count'>): number =>
  (2 * rank * count + count) * Float64Array.BYTES_PER_ELEMENT;

/** Several threads write to one file, each to its own slots. */
export function writeDirections(slot: DirectionsSlot, { p, r, sigma }: Directions): void {
  const file = openSync(slot.path, 'a'); // made when it is not there yet
  closeSync(file);
  const target = openSync(slot.path, 'r+');
  try {
    let position = slot.offsetBytes;
    for (const part of [p, r, sigma.subarray(0, slot.count)]) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(target, bytes, done, bytes.length - done, position + done);
      }
      position += bytes.length;
    }
  } finally {
    closeSync(target);
  }
}

/** @throws AppError STORAGE_FAILED when the slot was never written */
export function readDirections(slot: DirectionsSlot): Directions {
  const bytes = new Uint8Array(sizeOf(slot));
  const source = openSync(slot.path, 'r');
  try {
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(source, bytes, done, bytes.length - done, slot.offsetBytes + done);
      if (count === 0)
        throw new AppError('STORAGE_FAILED', 'The scratch file of the decomposition is cut off.');
      done += count;
    }
  } finally {
    closeSync(source);
  }
  const numbers = new Float64Array(bytes.buffer);
  const size = slot.rank * slot.count;
  return {
    count: slot.count,
    p: numbers.subarray(0, size),
    r: numbers.subarray(size, 2 * size),
    sigma: numbers.subarray(2 * size),
  };
}

/** ΔW = (B·I)·(I·A) with σ = 1: projecting with it only rescales and rounds. */
export function identityDirections(rank: number): Directions {
  const eye = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) eye[i * rank + i] = 1;
  return { count: rank, p: eye, r: eye, sigma: new Float64Array(rank).fill(1) };
}
