import { rotateRows, rotations } from './rotate-rows.ts';

const DECAY = 0.7;
/** Rows and columns that the transposition moves at a time: a tile of both matrices stays in the cache. */
const TILE = 32;

/**
 * The singular values of a module's ΔW, descending: size·i^-0.7, a slow decay, like that of an adapter which
 * is hard to squeeze.
 */
export function spectrum(rank: number, size: number): Float64Array {
  return Float64Array.from({ length: rank }, (_, i) => size * (i + 1) ** -DECAY);
}

/**
 * Factors A [r, n] and B [m, r], row-major, of a ΔW = B·A with exactly these singular values (up to float32).
 *
 * ΔW = Q_out·Σ·Q_inᵀ is written as B = Q_out·√Σ·M and A = M⁻¹·√Σ·Q_inᵀ with M = G₁·D·G₂: random rotations
 * around a random stretch of ½ to 2. The factors are therefore neither orthogonal nor balanced, like those of
 * a trained adapter. Needs r < min(m, n). The work is (m + n)·r·log₂ r, so that a file of gigabytes is
 * written in a minute.
 */
export function factors(
  shape: { readonly outFeatures: number; readonly inFeatures: number },
  sigma: Float64Array,
  next: () => number,
): { a: Float32Array; b: Float32Array } {
  const rank = sigma.length;
  const root = sigma.map(Math.sqrt);
  const first = rotations(rank, next);
  const second = rotations(rank, next);
  const stretch = Float64Array.from({ length: rank }, () => 2 ** (2 * next() - 1));
  // Aᵀ and B alike: rows of Q, times √Σ, rotated, stretched by D⁻¹ or D, rotated.
  const mixed = (length: number, scale: (index: number) => number): Float32Array => {
    const rows = orthonormalRows(rank, length, root, next);
    rotateRows(rows, length, first);
    for (let i = 0; i < rank; i++) {
      const factor = scale(i);
      for (let j = i * length; j < (i + 1) * length; j++) rows[j] = rows[j]! * factor;
    }
    rotateRows(rows, length, second);
    return rows;
  };
  const a = mixed(shape.inFeatures, (i) => 1 / stretch[i]!);
  const bTransposed = mixed(shape.outFeatures, (i) => stretch[i]!);
  return { a, b: transpose(bTransposed, rank, shape.outFeatures) };
}

/**
 * Orthonormal rows [count, length], each multiplied by its weight: distinct rows of the DCT-II matrix, with random
 * signs on the columns.
 */
function orthonormalRows(
  count: number,
  length: number,
  weights: Float64Array,
  next: () => number,
): Float32Array {
  if (count >= length) throw new Error(`rank ${count} needs more than ${length} features`);
  const period = 4 * length;
  const cosines = cosineTable(length);
  const signs = Float64Array.from({ length }, () => (next() < 0.5 ? -1 : 1) * Math.sqrt(2 / length));
  const frequencies = new Set<number>();
  while (frequencies.size < count) frequencies.add(1 + Math.floor(next() * (length - 1)));
  const rows = new Float32Array(count * length);
  let at = 0;
  let row = 0;
  for (const frequency of frequencies) {
    const weight = weights[row++]!;
    let phase = frequency;
    for (let i = 0; i < length; i++) {
      rows[at++] = weight * signs[i]! * cosines[phase]!;
      phase += 2 * frequency;
      if (phase >= period) phase -= period;
    }
  }
  return rows;
}

const tables = new Map<number, Float64Array>();

/** cos(π·i / 2·length) over a whole period. */
function cosineTable(length: number): Float64Array {
  let table = tables.get(length);
  if (!table) {
    table = Float64Array.from({ length: 4 * length }, (_, i) => Math.cos((Math.PI * i) / (2 * length)));
    tables.set(length, table);
  }
  return table;
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(left + TILE, columns);
      for (let j = left; j < right; j++) {
        for (let i = top; i < bottom; i++) result[j * rows + i] = matrix[i * columns + j]!;
      }
    }
  }
  return result;
}
