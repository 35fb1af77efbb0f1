import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type { Directions } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';

/** The directions of a job's modules are kept in memory if they take no more than this many bytes. */
const MAX_IN_MEMORY_BYTES = 8 * 2 ** 20;

/** Where to keep the directions of one module between the passes. */
export interface DirectionsSlot {
  readonly rank: number;
  readonly count: number;
  /** null: in memory. */
  readonly file: { readonly path: string; readonly offsetBytes: number } | null;
}

/** The directions of one module, as they are kept. */
export interface StoredDirections extends DirectionsSlot {
  /** p, r and sigma, concatenated; null if they are in a file. */
  readonly numbers: Float64Array | null;
}

/**
 * Decides where directions are kept: in memory, or, if there are many, in a file, so that memory does not grow with
 * the adapter (2·rank·count numbers for each module).
 * @param path of the file, which need not exist
 */
export function slotsFor(
  path: string,
  modules: readonly { readonly rank: number; readonly count: number }[],
): DirectionsSlot[] {
  let totalBytes = 0;
  const slots = modules.map(({ rank, count }) => {
    const offsetBytes = totalBytes;
    totalBytes += bytesOf({ rank, count });
    return { rank, count, file: { path, offsetBytes } };
  });
  return totalBytes > MAX_IN_MEMORY_BYTES ? slots : slots.map((slot) => ({ ...slot, file: null }));
}

const bytesOf = ({ rank, count }: Pick<DirectionsSlot, 'rank' | 'count'>): number =>
  (2 * rank * count + count) * Float64Array.BYTES_PER_ELEMENT;

/** Keeps the directions of a module. Several threads write to one file, each to its own slots. */
export function storeDirections(slot: DirectionsSlot, { p, r, sigma }: Directions): StoredDirections {
  const numbers = new Float64Array(p.length + r.length + sigma.length);
  numbers.set(p);
  numbers.set(r, p.length);
  numbers.set(sigma, p.length + r.length);
  if (!slot.file) return { ...slot, numbers };
  const file = openSync(slot.file.path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    const bytes = new Uint8Array(numbers.buffer);
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, slot.file.offsetBytes + done);
  } finally {
    closeSync(file);
  }
  return { ...slot, numbers: null };
}

/** @throws AppError STORAGE_FAILED if the slot was never written */
export function loadDirections({ rank, count, file, numbers }: StoredDirections): Directions {
  const all = numbers ?? (file ? readSlot(file, bytesOf({ rank, count })) : new Float64Array());
  const size = rank * count;
  return {
    count,
    p: all.subarray(0, size),
    r: all.subarray(size, 2 * size),
    sigma: all.subarray(2 * size),
  };
}

function readSlot({ path, offsetBytes }: NonNullable<DirectionsSlot['file']>, length: number): Float64Array {
  const bytes = new Uint8Array(length);
  const source = openSync(path, 'r');
  try {
    for (let done = 0; done < length; ) {
      const count = readSync(source, bytes, done, length - done, offsetBytes + done);
      if (count === 0)
        throw new AppError('STORAGE_FAILED', 'The scratch file of the decomposition is incomplete.');
      done += count;
    }
  } finally {
    closeSync(source);
  }
  return new Float64Array(bytes.buffer);
}

/** ΔW = (B·I)·(I·A) with σ = 1: projecting with it only rescales and rounds. */
export function identityDirections(rank: number): Directions {
  const eye = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) eye[i * rank + i] = 1;
  return { count: rank, p: eye, r: eye, sigma: new Float64Array(rank).fill(1) };
}

/** The directions of several modules of one rank and count, concatenated. */
export function stackedDirections(modules: readonly Directions[]): Directions {
  if (modules.length === 1) return modules[0]!;
  const stacked = (part: 'p' | 'r' | 'sigma'): Float64Array => {
    const { length } = modules[0]![part];
    const all = new Float64Array(length * modules.length);
    for (const [index, module] of modules.entries()) all.set(module[part], index * length);
    return all;
  };
  return { count: modules[0]!.count, p: stacked('p'), r: stacked('r'), sigma: stacked('sigma') };
}
