import type { Sketched } from '../core/excess-bound.ts';
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
  /** Width l: for exact that of `exactColumns`, for a sketch a multiple of COLUMN_STEP. */
  readonly columns: number;
  /** Directions wanted, at most `columns`; the spectrum is given in full. */
  readonly keep: number;
  /** All modules, one stack after the other. */
  readonly grams: readonly Grams[];
  /** [rank, columns] for each module. Ignored for exact. */
  readonly sketches: readonly Float64Array[];
  /** [rank, PROBES] for each module: normal numbers that its sketch does not depend on. Ignored for exact. */
  readonly probes: readonly Float64Array[];
  readonly maxIterations: number;
  readonly tolerance: number;
}

/** The first directions of a module, or of some modules [N, …]: ΔW ≈ (B·p)·(r·A), best first. */
export interface Directions {
  readonly count: number;
  /** [rank, count] */
  readonly p: Float64Array;
  /** [count, rank] */
  readonly r: Float64Array;
  /** [count], descending. */
  readonly sigma: Float64Array;
}

/** Results of the decomposition of a module besides its directions. */
export interface Decomposition {
  /** Descending; as many as the sketch had columns. */
  readonly sigma: Float64Array;
  /** ‖B·A‖², and `residual` where there is one. */
  readonly energy: number;
  /** ‖ΔW − B·A‖² where the factors are not all of ΔW; included in `energy`. */
  readonly residual?: number;
  /** ‖B‖² */
  readonly energyB: number;
  /** ‖A‖² */
  readonly energyA: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** Of a sketch only. */
  readonly sketched?: Sketched;
}

export type DecomposedModule = Decomposition & { readonly directions: Directions };

/** Sums over the chunks of some modules that a projection is measured by; see projectGraph. */
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
  /** Of the chunks before this one; null for the first. */
  readonly before: ProjectionSums | null;
}

export interface Projection {
  /** [N, m, k] */
  readonly b: Float32Array;
  /** [N, k, n] */
  readonly a: Float32Array;
  readonly sums: ProjectionSums;
}

/** What the rounded factors of a module are; not finite when the output dtype overflowed. */
export interface Measured {
  /** ⟨B·A, B′·A′⟩ */
  readonly inner: number;
  /** ‖B′·A′‖² */
  readonly energy: number;
  /** ‖B′‖² */
  readonly energyB: number;
  /** ‖A′‖² */
  readonly energyA: number;
}

/** What of the decompositions of some modules goes into one output, and how. */
export interface TransferInput {
  readonly directions: Directions;
  readonly rank: number;
  /** Share of σ that goes into B. */
  readonly split: number;
  /** [N]: what the factors take up of the scale of each module. */
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

/** Carried moments; the energies are not finite when a number is not. */
export interface Moments {
  readonly b: Float32Array;
  readonly a: Float32Array;
  readonly energyB: number;
  readonly energyA: number;
  /** The smallest numbers of the moments before. */
  readonly leastB: number;
  readonly leastA: number;
}

/** A matrix times a number, and the squared norms on either side. */
export interface Scaled {
  readonly data: Float32Array;
  readonly energyBefore: number;
  readonly energyAfter: number;
}

/** A dense row-major matrix of what was computed. */
export interface Matrix64 {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** Some rows of a matrix: as a file holds them, or computed. */
export type Rows = Matrix32 | Matrix64;

/** A computed part of a factor, and its squared norm: not finite where a number does not fit float32. */
export interface Computed {
  readonly data: Float32Array;
  readonly energy: number;
}

/** A core of a Tucker decomposition [i, j·kernel], the kernel innermost, times a factor [j, r]: [i, r·kernel]. */
export interface Collapse {
  readonly core: Matrix32;
  readonly factor: Matrix32;
  readonly kernel: number;
}

/** A matrix as files give it: plain, as a product, or from a core, to which a side [i, h] may belong: sideᵀ·core. */
export type MatrixForm =
  | Matrix32
  | { readonly left: Matrix32; readonly right: Matrix32 }
  | Collapse
  | (Collapse & { readonly side: Matrix32 });

/** Factors B [m, rank] and A [rank, n]. */
export interface Truncated {
  readonly b: Float32Array;
  readonly a: Float32Array;
  readonly converged: boolean;
}
