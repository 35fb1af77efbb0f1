import type { FactorDtype, FactorEntry, TensorEntry } from './adapter.ts';

/**
 * How to convert a file before it can be squeezed: into a safetensors file of plain factors, A [rank, n] and B [m,
 * rank], row by row. Formats that already store factors this way need no plan. If a reader returns a plan, the
 * positions of its adapter's tensors refer to the converted file.
 */
export interface StagingPlan {
  /** In the order in which safetensors/layout.ts places them in the file. */
  readonly tensors: readonly StagedTensor[];
  readonly derivations: readonly Derivation[];
}

export interface StagedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly source: StagedSource;
}

/** Where the bytes of a staged tensor come from. Entries refer to the source file. */
export type StagedSource =
  | { readonly kind: 'copy'; readonly entry: TensorEntry }
  /**
   * The entry's numbers, viewed as an array of `shape` whose axes are permuted: axis i of the result is axis axes[i]
   * of the source.
   */
  | {
      readonly kind: 'permute';
      readonly entry: TensorEntry;
      readonly shape: readonly number[];
      readonly axes: readonly number[];
    }
  /** Numbers in another encoding, decoded to F32. */
  | { readonly kind: 'dequantise'; readonly entry: TensorEntry; readonly encoding: StagedEncoding }
  /** A computed factor, in F32. */
  | { readonly kind: 'derived'; readonly derivation: number; readonly factor: 'a' | 'b' };

/** Block formats of ggml, and safetensors dtypes that we never compute in (core/encodings.ts decodes them). */
export type StagedEncoding = 'q8_0' | 'F64' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ';

/** A tensor of numbers that we can compute with, flattened to a matrix. */
export interface MatrixEntry {
  readonly entry: FactorEntry;
  readonly rows: number;
  readonly columns: number;
}

/** A matrix in the file, or the product of two: left [rows, r] · right [r, columns]. */
export type MatrixSource = MatrixEntry | { readonly left: MatrixEntry; readonly right: MatrixEntry };

/**
 * An update that the file does not store as a product of two matrices, and how to compute factors of `rank` for it:
 * ΔW ≈ B·A.
 */
export type Derivation = {
  /** Path of the module, used in messages. */
  readonly module: string;
  readonly m: number;
  readonly n: number;
  /**
   * Rank of the computed factors: the exact rank for this kind, or a smaller one for the best approximation of that
   * rank.
   */
  readonly rank: number;
} & (
  | {
      /**
       * LoHa (arXiv 2108.06098): (w1a·w1b) ⊙ (w2a·w2b), which has exactly rank r₁·r₂: the face-splitting product of
       * w1a and w2a by rows, times that of w1b and w2b by columns (Khatri–Rao).
       */
      readonly kind: 'hadamard';
      /** [m, r₁], [r₁, n], [m, r₂], [r₂, n] */
      readonly w1a: MatrixEntry;
      readonly w1b: MatrixEntry;
      readonly w2a: MatrixEntry;
      readonly w2b: MatrixEntry;
    }
  /**
   * LoHa of a convolution with a core: each side is a Tucker product, einsum('i j k, i p, j r -> p r k', t, a, b),
   * flattened.
   */
  | {
      readonly kind: 'hadamard-tucker';
      readonly sides: readonly [TuckerSide, TuckerSide];
      readonly kernel: number;
    }
  /**
   * LoKr: kron(w1, w2); exact if w2 (or w1) is a product, because kron(P·Q, R·S) = kron(P, R)·kron(Q, S). A matrix
   * that the file stores whole counts as its product with an identity matrix on the smaller side; w2 with a core
   * counts as aᵀ times the rest.
   */
  | {
      readonly kind: 'kronecker';
      readonly w1: MatrixSource;
      readonly w2: MatrixSource | TuckerSide;
      /**
       * A convolution: w2 is [rows, columns·kernel] with the kernel innermost, and ΔW flattened is
       * [w1.rows·w2.rows, w1.columns·w2.columns·kernel].
       */
      readonly kernel: number;
    }
  /** LoCon with a core: ΔW[p, r, k] = Σᵢⱼ up[p, i]·mid[i, j, k]·down[j, r]; exact, with B = up. */
  | {
      readonly kind: 'tucker';
      /** [m, rank] */
      readonly up: MatrixEntry;
      /** [rank, rank·kernel], the kernel innermost */
      readonly mid: MatrixEntry;
      /** [rank, n/kernel] */
      readonly down: MatrixEntry;
      readonly kernel: number;
    }
  /** AdaLoRA: left·diag(diagonal)·right; exact, with B = left. */
  | {
      readonly kind: 'diagonal';
      /** [m, rank] */
      readonly left: MatrixEntry;
      /** [rank, 1] */
      readonly diagonal: MatrixEntry;
      /** [rank, n] */
      readonly right: MatrixEntry;
    }
  /**
   * The file stores the whole update as a matrix. Its best approximation of `rank` is computed by randomised SVD of
   * ΔW itself.
   */
  | { readonly kind: 'dense'; readonly update: MatrixEntry }
);

/** t [i, j·kernel], a [i, m], b [j, n/kernel] */
export interface TuckerSide {
  readonly t: MatrixEntry;
  readonly a: MatrixEntry;
  readonly b: MatrixEntry;
}

/** dtype of everything that is computed for a staged file. */
export const STAGED_DTYPE: FactorDtype = 'F32';
