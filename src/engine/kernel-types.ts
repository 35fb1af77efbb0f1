import type { SketchBounds } from '../core/excess-bound.ts';
import type { MomentPower } from '../core/onnx/moments-graph.ts';
import type { OutputGrid } from '../core/onnx/output-grid.ts';

/** A dense row-major matrix. */
export interface Matrix32 {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Dense row-major matrices of one shape, one after the other. */
export interface Stack32 extends Matrix32 {
  readonly count: number;
}

/** Gram matrices of some modules, float64 [N, rank, rank]. */
export interface Grams {
  readonly gramB: Float64Array;
  readonly gramA: Float64Array;
}

/** What to do with a stack of modules of equal rank. */
export interface DecomposeInput {
  readonly variant: 'randomised' | 'exact';
  readonly rank: number;
  /** Width l: the result of `exactColumns` for the exact variant, a multiple of COLUMN_STEP for a sketch. */
  readonly columns: number;
  /** Number of directions to return, at most `columns`; the spectrum is always returned in full. */
  readonly keep: number;
  /** All modules, one stack after the other. */
  readonly grams: readonly Grams[];
  /** [rank, columns] for each module. Ignored for exact. */
  readonly sketches: readonly Float64Array[];
  /** [rank, PROBES] for each module: random normal numbers, independent of its sketch. Ignored for exact. */
  readonly probes: readonly Float64Array[];
  readonly maxIterations: number;
  readonly tolerance: number;
}

/** The leading directions of one module, or of several modules [N, …], best first: ΔW ≈ (B·p)·(r·A). */
export interface Directions {
  readonly count: number;
  /** [rank, count] */
  readonly p: Float64Array;
  /** [count, rank] */
  readonly r: Float64Array;
  /** [count], descending. */
  readonly sigma: Float64Array;
}

/** What the decomposition of a module yields besides its directions. */
export interface Decomposition {
  /** Descending; one value for each column of the sketch. */
  readonly sigma: Float64Array;
  /** ‖B·A‖², plus `residual` if there is one. */
  readonly energy: number;
  /** ‖ΔW − B·A‖² if the factors only approximate ΔW; included in `energy`. */
  readonly residual?: number;
  /** ‖B‖² */
  readonly energyB: number;
  /** ‖A‖² */
  readonly energyA: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** Present only if the decomposition used a sketch. */
  readonly sketched?: SketchBounds;
}

export type DecomposedModule = Decomposition & { readonly directions: Directions };

/** Sums over the chunks of some modules, from which the error of a projection is computed; see projectGraph. */
export interface ProjectionSums {
  readonly cross_b: Float64Array;
  readonly cross_a: Float64Array;
  readonly own_b: Float64Array;
  readonly own_a: Float64Array;
}

export interface ProjectInput extends TransferInput {
  /** Some rows of B and some columns of A, or all. */
  readonly b: Stack32;
  readonly a: Stack32;
  readonly gridB: OutputGrid;
  readonly gridA: OutputGrid;
  /** The sums of the preceding chunks; null for the first chunk. */
  readonly before: ProjectionSums | null;
}

export interface Projection {
  /** [N, m, k] */
  readonly b: Float32Array;
  /** [N, k, n] */
  readonly a: Float32Array;
  readonly sums: ProjectionSums;
}

/** Measurements of a module's rounded factors; not finite if the output dtype overflowed. */
export interface Measurement {
  /** ⟨B·A, B′·A′⟩ */
  readonly inner: number;
  /** ‖B′·A′‖² */
  readonly energy: number;
  /** ‖B′‖² */
  readonly energyB: number;
  /** ‖A′‖² */
  readonly energyA: number;
}

/** Which directions of some modules go into one output, and how. */
export interface TransferInput {
  readonly directions: Directions;
  readonly rank: number;
  /** Exponent of σ for B: B gets σ^split and A the rest. */
  readonly split: number;
  /** [N]: the part of each module's scale that goes into each factor. */
  readonly factorB: readonly number[];
  readonly factorA: readonly number[];
}

/** B′ = B·p and A′ = r·A. */
export interface TransferMatrices {
  /** [N, rank, k] */
  readonly p: Float64Array;
  /** [N, k, rank] */
  readonly r: Float64Array;
}

export interface MomentsInput extends TransferMatrices {
  readonly power: MomentPower;
  /** Some rows of B's moment and some columns of A's, or all. */
  readonly b: Matrix32;
  readonly a: Matrix32;
  /** The new rank. */
  readonly k: number;
  /** The new scale divided by the old. */
  readonly ratio: number;
  readonly gridB: OutputGrid;
  readonly gridA: OutputGrid;
}

/** The carried moments; the energies are not finite if a moment contains a number that is not finite. */
export interface Moments {
  readonly b: Float32Array;
  readonly a: Float32Array;
  readonly energyB: number;
  readonly energyA: number;
  /** The smallest values of the moments before they were carried. */
  readonly leastB: number;
  readonly leastA: number;
}

/** A matrix multiplied by a number, and its squared norms before and after. */
export interface ScaledFactor {
  readonly data: Float32Array;
  readonly energyBefore: number;
  readonly energyAfter: number;
}

/** A weighted sum of tensors, the squared norm of each, and that of the sum. */
export interface TensorSum {
  readonly data: Float32Array;
  readonly energiesBefore: Float64Array;
  readonly energyAfter: number;
}

/** A dense row-major matrix of computed float64 values. */
export interface Matrix64 {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** Some rows of a matrix, either as stored in a file or computed. */
export type Rows = Matrix32 | Matrix64;

/** A computed part of a factor and its squared norm, which is not finite if a value does not fit into float32. */
export interface ComputedMatrix {
  readonly data: Float32Array;
  readonly energy: number;
}

/**
 * The core of a Tucker decomposition [i, j·kernel], kernel innermost, to be multiplied by a factor [j, r]; the result
 * is [i, r·kernel].
 */
export interface Collapse {
  readonly core: Matrix32;
  readonly factor: Matrix32;
  readonly kernel: number;
}

/**
 * A matrix in the form in which a file stores it: plain, as a product, or as a core, optionally with a side [i, h]:
 * sideᵀ·core.
 */
export type MatrixForm =
  | Matrix32
  | { readonly left: Matrix32; readonly right: Matrix32 }
  | Collapse
  | (Collapse & { readonly side: Matrix32 });

/** Factors B [m, rank] and A [rank, n]. */
export interface TruncatedFactors {
  readonly b: Float32Array;
  readonly a: Float32Array;
  readonly converged: boolean;
}
