import type { Derivation } from '../../adapter/staging-plan.ts';
import { normals } from '../../core/random.ts';
import { COLUMN_STEP } from '../../engine/column-step.ts';
import type { Matrix64 } from '../../engine/kernel-types.ts';
import { AppError } from '../../errors/app-error.ts';
import type { DeriveContext } from './derive-context.ts';
import type { UpdateRows } from './update-rows.ts';

/** Seed of the sketches of ΔW matrices, combined with the name of the module. */
const SEED = 0;
/** The sketch is wider than the rank by this factor, so that power iterations find the wanted directions quickly. */
const WIDTH_FACTOR = 2;
/** The smallest number of columns that the sketch has beyond the rank. */
const MIN_OVERSAMPLING = 16;
const MAX_ITERATIONS = 10;
/** Iterations end when one of them gained less than this share of the energy that is still missing. */
const MIN_GAIN = 1e-5;
/** If less than this share of all energy is missing, the rest is rounding. */
const NOTHING = 1e-15;

/**
 * Writes the best factors of the derivation's rank of ΔW itself, by randomised SVD with power iterations (Halko,
 * Martinsson & Tropp 2011, algorithms 4.4 and 5.1): Q ← orth(ΔW·Ω), then Q ← orth(ΔW·orth(ΔWᵀ·Q)) until the energy
 * that Q captures settles, Z = ΔWᵀ·Q, and the SVD of Q·Zᵀ cut to the rank. So B·A = P·ΔW with P the projection on B's
 * columns: what is left out is orthogonal to B's columns (to rounding of the factors to float32).
 *
 * The error is that of the truncated SVD to 1e-6 of it where singular values fall at least like i^-½, or to some 4e-8 of
 * ‖ΔW‖, what rounding to float32 leaves. Where they hardly fall there is little to choose between directions: to 1e-3 of
 * it, measured.
 *
 * Memory: some (m + n)·l float64 numbers, l ≈ 2·rank, and one block of ΔW's rows at a time. ΔW is read twice an
 * iteration.
 * @returns ‖ΔW − B·A‖² of the factors as written, summed directly
 * @throws AppError NON_FINITE_RESULT, CORE_NOT_CONVERGED naming the module
 */
export async function denseFactors(
  derivation: Derivation,
  update: UpdateRows,
  { kernels, sink }: Pick<DeriveContext, 'kernels' | 'sink'>,
): Promise<number> {
  const { module, m, n, rank } = derivation;
  const columns = sketchColumns(derivation);
  const tall = (data: Float64Array, rows: number): Matrix64 => ({ data, rows, columns });

  const times = async (x: Matrix64): Promise<Matrix64> => {
    const y = new Float64Array(m * columns);
    for await (const { span, w } of update.blocks()) y.set(await kernels.times(w, x), span[0] * columns);
    return tall(y, m);
  };
  const transposedTimes = async (q: Matrix64): Promise<Matrix64> => {
    let z = tall(new Float64Array(n * columns), n);
    for await (const { span, w } of update.blocks()) {
      const rows = tall(q.data.subarray(span[0] * columns, span[1] * columns), span[1] - span[0]);
      z = tall(await kernels.transposedTimes(w, rows, z), n);
    }
    return z;
  };
  const orthonormal = async (x: Matrix64): Promise<Matrix64> => tall(await kernels.orthonormal(x), x.rows);

  let energy = 0;
  for await (const { w } of update.blocks()) energy += await kernels.energy(w);

  let x = tall(normals(SEED, `ΔW of ${module}`, n * columns), n);
  let [q, z, captured] = [x, x, 0];
  for (let round = 0; round <= MAX_ITERATIONS; round++) {
    q = await orthonormal(await times(x));
    z = await transposedTimes(q);
    const now = await kernels.energy(z);
    const [gained, missing] = [now - captured, energy - now];
    captured = now;
    if (missing <= NOTHING * energy || gained <= MIN_GAIN * missing) break;
    if (round < MAX_ITERATIONS) x = await orthonormal(z);
  }

  const { b, a, converged } = await kernels.truncate(q, z, rank);
  if (!converged) {
    const message = `The eigensolver did not converge on module "${module}".`;
    throw new AppError('CORE_NOT_CONVERGED', message, { module });
  }
  const [left, right] = [
    { data: b, rows: m, columns: rank },
    { data: a, rows: rank, columns: n },
  ];
  sink.write('b', { data: b, energy: await kernels.energy(left) }, [0, m]);
  sink.write('a', { data: a, energy: await kernels.energy(right) }, [0, rank]);
  let residual = 0;
  for await (const { span, w } of update.blocks()) {
    const rows = span[1] - span[0];
    const block = { data: b.subarray(span[0] * rank, span[1] * rank), rows, columns: rank };
    residual += await kernels.distance(w, block, right);
  }
  return residual;
}

/** l: a multiple of COLUMN_STEP, not larger than the dimensions of ΔW allow. */
function sketchColumns({ m, n, rank }: Derivation): number {
  const wanted = Math.max(WIDTH_FACTOR * rank, rank + MIN_OVERSAMPLING);
  return roundUp(Math.max(rank, Math.min(wanted, m, n)));
}

const roundUp = (columns: number): number => Math.ceil(columns / COLUMN_STEP) * COLUMN_STEP;
