import {
  differenceNorm,
  frobenius,
  singularValues,
  singularValuesOfProduct,
  tailShare,
} from './linear-algebra.ts';
import type { OracleAdapter, OracleModule } from './peft-adapter.ts';

/** The error of one written module, and the smallest error it could have. */
export interface ModuleScore {
  readonly rank: number;
  /** ‖ΔW‖_F² of the source. */
  readonly energy: number;
  /** σ of the source's ΔW with its scale, descending. */
  readonly sigma: readonly number[];
  /** The least relative error at this rank. */
  readonly optimalError: number;
  /** ‖ΔW − ΔW′‖_F / ‖ΔW‖_F as written. For ΔW = 0: 0 when ΔW′ = 0, else Infinity. */
  readonly actualError: number;
  /** What rounding the written factors to their dtype may add; see `allowedError`. */
  readonly roundingError: number;
}

/** Largest relative error of rounding to nearest, and half the spacing of subnormals, by dtype. */
const ROUNDING: Readonly<Record<string, readonly [relative: number, absolute: number]>> = {
  F32: [2 ** -24, 2 ** -150],
  F16: [2 ** -11, 2 ** -25],
  BF16: [2 ** -8, 2 ** -134],
};

/** Scores every module of `output`, which must have the same modules as `source`. */
export function scoreAdapter(source: OracleAdapter, output: OracleAdapter): Map<string, ModuleScore> {
  const names = [...source.modules.keys()];
  if (names.join('\n') !== [...output.modules.keys()].join('\n')) {
    throw new Error('the two adapters have different modules');
  }
  return new Map(
    names.map((name) => [name, scoreModule(source.modules.get(name)!, output.modules.get(name)!)]),
  );
}

/** Cached for sources: each is scored against many outputs, and its spectrum is most of the work. */
const spectra = new WeakMap<OracleModule, Float64Array>();

function spectrumOf(source: OracleModule): Float64Array {
  const known = spectra.get(source);
  if (known) return known;
  const sigma = singularValuesOfProduct(source.b, source.a).map((value) => Math.abs(source.scale) * value);
  spectra.set(source, sigma);
  return sigma;
}

function scoreModule(source: OracleModule, output: OracleModule): ModuleScore {
  const sigma = spectrumOf(source);
  const norm = Math.hypot(...sigma);
  const difference = differenceNorm(source.b, source.a, source.scale, output.b, output.a, output.scale);
  const share = (value: number) => (value === 0 ? 0 : value / norm);
  return {
    rank: output.rank,
    energy: norm ** 2,
    sigma: [...sigma],
    optimalError: tailShare(sigma, output.rank),
    actualError: share(difference),
    roundingError: norm === 0 ? 0 : roundingError(output) / norm,
  };
}

/** Bound on ‖ΔW′ − exact ΔW′‖_F to first order, from |x′ − x| ≤ max(u·|x|, tiny) for every entry of B′ and A′. */
function roundingError({ a, b, scale, dtype }: OracleModule): number {
  const [relative, absolute] = ROUNDING[dtype] ?? [0, 0];
  const off = (factor: typeof a) =>
    Math.hypot(relative * frobenius(factor), absolute * Math.sqrt(factor.data.length));
  return Math.abs(scale) * (off(b) * singularValues(a)[0]! + singularValues(b)[0]! * off(a));
}

/**
 * The error a module may have when its factors were computed to `tolerance` above the optimum and then
 * rounded.
 *
 * With B′ = B + E and A′ = A + F the error is (ΔW − BA) − EA − BF − EF. For the optimal BA the residual ΔW −
 * BA is orthogonal to the columns of B and the rows of A, hence to EA and BF, so the two add up as squares:
 * error² ≤ ((1 + tolerance)·optimum)² + rounding², up to the negligible EF. For float32 the second term only
 * matters if the optimum is near 1e-7; for bfloat16 and float16 it keeps a correct result from failing.
 */
export const allowedError = (score: ModuleScore, tolerance: number): number =>
  Math.hypot((1 + tolerance) * score.optimalError, score.roundingError);

/** Relative error over all modules: √(Σ‖ΔW − ΔW′‖² / Σ‖ΔW‖²). */
export function overallError(scores: Iterable<ModuleScore>): number {
  let energy = 0;
  let lost = 0;
  for (const score of scores) {
    energy += score.energy;
    lost += score.energy * score.actualError ** 2;
  }
  return energy === 0 ? 0 : Math.sqrt(lost / energy);
}
