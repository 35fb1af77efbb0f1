import type { LoraModule } from '../../adapter/adapter.ts';
import type { RankPoint } from '../../contract/analysis.ts';
import { meanOf, moduleRelativeError } from '../../core/by-module.ts';
import { BYTES_PER_ELEMENT } from '../../core/half.ts';
import { NO_REST, type Rest, roundToResolution } from '../../core/spectrum.ts';

/** A module in an analysis: its size, and the energy of each of its directions. */
export interface AnalyzedModule {
  readonly name: string;
  readonly rank: number;
  /**
   * All σ of ΔW including its scale, descending, `rank` of them; values that rounding cannot distinguish from zero
   * are 0.
   */
  readonly sigma: readonly number[];
  /** Parameters of one rank: m + n. */
  readonly parameters: number;
  /** Bytes of one rank in the dtypes of the source. */
  readonly bytes: number;
  /** The part of ΔW that its factors leave out, including the scale. */
  readonly rest: Rest;
  /**
   * lost[k]: the energy that the best approximation of rank k loses, which is Σ_{i>k} σᵢ² plus that of `rest`;
   * lost[0] is ‖ΔW‖².
   */
  readonly lost: Float64Array;
}

/** The size and the losses of a choice of ranks, over all modules. */
interface Allocation {
  readonly rank: { readonly min: number; readonly max: number };
  readonly relative_error: number;
  readonly module_relative_error: number;
  readonly parameters: number;
  readonly bytes: number;
}

/**
 * @param sigma of B·A by the exact method: at least `rank` of them, descending
 * @param left the part of ΔW that B·A leaves out; like sigma without the scale
 */
export function analyzedModule(
  { name, rank, m, n, scale, a, b }: LoraModule,
  sigma: Float64Array,
  left: Rest = NO_REST,
): AnalyzedModule {
  const scaled = roundToResolution(sigma.subarray(0, rank).map((value) => value * Math.abs(scale)));
  const lost = new Float64Array(rank + 1);
  const rest = { ...left, energy: left.energy * scale ** 2 };
  lost[rank] = rest.energy;
  // Summed from the small end, so that small tails keep their digits.
  for (let k = rank - 1; k >= 0; k--) lost[k] = lost[k + 1]! + scaled[k]! ** 2;
  return {
    name,
    rank,
    sigma: scaled,
    parameters: m + n,
    rest,
    bytes: n * BYTES_PER_ELEMENT[a.dtype] + m * BYTES_PER_ELEMENT[b.dtype],
    lost,
  };
}

/** @param ranks one for each module, none above the module's own */
export function evaluateRanks(modules: readonly AnalyzedModule[], ranks: readonly number[]): Allocation {
  let [lost, energy, parameters, bytes, max] = [0, 0, 0, 0, 0];
  let min = Number.POSITIVE_INFINITY;
  for (const [index, module] of modules.entries()) {
    const rank = ranks[index]!;
    lost += module.lost[rank]!;
    energy += module.lost[0]!;
    parameters += rank * module.parameters;
    bytes += rank * module.bytes;
    min = Math.min(min, rank);
    max = Math.max(max, rank);
  }
  return {
    rank: { min, max },
    relative_error: share(lost, energy),
    module_relative_error: errorByModule(modules, (index) => ranks[index]!),
    parameters,
    bytes,
  };
}

/**
 * The size and the least possible losses of every uniform rank from 1 to the largest of the modules (Eckart & Young
 * 1936). Modules of a smaller rank keep theirs. The time is linear in the largest rank times the number of modules.
 */
export function rankCurve(modules: readonly AnalyzedModule[]): Required<RankPoint>[] {
  const largest = modules.reduce((rank, module) => Math.max(rank, module.rank), 0);
  const lost = new Float64Array(largest + 1);
  const worst = new Float64Array(largest + 1);
  // The increments from rank k − 1 to rank k.
  const parameters = new Float64Array(largest + 1);
  const bytes = new Float64Array(largest + 1);
  let energy = 0;
  for (const module of modules) {
    energy += module.lost[0]!;
    for (let k = 1; k <= largest; k++) {
      // The part that its factors leave out is lost at any rank.
      const own = module.lost[Math.min(k, module.rank)]!;
      lost[k]! += own;
      worst[k] = Math.max(worst[k]!, share(own, module.lost[0]!));
      if (k > module.rank) continue;
      parameters[k]! += module.parameters;
      bytes[k]! += module.bytes;
    }
  }
  const curve: Required<RankPoint>[] = [];
  let [parametersSoFar, bytesSoFar] = [0, 0];
  for (let rank = 1; rank <= largest; rank++) {
    parametersSoFar += parameters[rank]!;
    bytesSoFar += bytes[rank]!;
    curve.push({
      rank,
      relative_error: share(lost[rank]!, energy),
      module_relative_error: errorByModule(modules, (index) => Math.min(rank, modules[index]!.rank)),
      worst_module_error: worst[rank]!,
      parameters: parametersSoFar,
      bytes: bytesSoFar,
    });
  }
  return curve;
}

/** The least possible module_relative_error at these ranks. */
const errorByModule = (modules: readonly AnalyzedModule[], rankOf: (index: number) => number): number =>
  moduleRelativeError(
    modules.map(({ lost }) => lost[0]!),
    modules.map(({ lost }, index) => lost[rankOf(index)]!),
  );

/** ‖what is lost‖ / ‖ΔW‖ from the two energies; 0 if ΔW is zero. */
const share = (lost: number, energy: number): number => (energy > 0 ? Math.sqrt(lost / energy) : 0);

/** Mean of ‖ΔW‖² over the modules. */
export const meanEnergyOf = (modules: readonly AnalyzedModule[]): number =>
  meanOf(modules.map(({ lost }) => lost[0]!));
