import type { MatrixEntry, MatrixSource, TuckerSide } from '../../adapter/staging-plan.ts';
import { type DerivedModule, rankFor } from './derived.ts';
import { checkSize, kernelIn, matrixOf, requiredMatrix, sizeOf } from './factors.ts';
import { refuseModule, type Site } from './site.ts';

/** One factor of the Kronecker product, flattened, and what it may be made of. */
interface Side<T> {
  readonly source: T;
  readonly rows: number;
  /** With the kernel, where it has one. */
  readonly columns: number;
  /** [] for a matrix that LyCORIS would not have flattened; null for one that it may have. */
  readonly kernel: readonly number[] | null;
  /** The inner size of its factors; for a whole matrix, its smaller side. */
  readonly rank: number;
  /** The r of alpha/r; null for a whole matrix. */
  readonly dimension: number | null;
}

/**
 * LoKr (LyCORIS, lycoris/modules/lokr.py): kron(w1, w2), each a matrix or a product of two; w2 of a convolution may
 * have a core. The scale is alpha/r; r is the rank of the factors, of those of w2 if both have factors. If both are
 * whole matrices, there is no r, and alpha means nothing.
 * @throws AppError LORA_UNPAIRED, LORA_DUPLICATE_MODULE, LORA_RANK_MISMATCH, UNSUPPORTED_LORA_VARIANT, …
 */
export function readLokr(site: Site, alpha: number | null): DerivedModule {
  const { module, parts } = site;
  if (parts.has('t1'))
    throw refuseModule('UNSUPPORTED_LORA_VARIANT', module, 'has lokr_t1, which is not supported');
  const w1 = plainSide(site, 'w1');
  const w2 = parts.has('t2') ? sideWithCore(site) : plainSide(site, 'w2');
  const [m, n] = [w1.rows * w2.rows, w1.columns * w2.columns];
  checkSize(module, m, n);
  const { rank, isExact } = rankFor(w1.rank * w2.rank, m, n);
  const dimension = w2.dimension ?? w1.dimension;
  return {
    derivation: {
      kind: 'kronecker',
      module,
      m,
      n,
      rank,
      w1: w1.source,
      w2: w2.source,
      kernel: sizeOf(w2.kernel ?? []),
    },
    kernel: w2.kernel,
    scale: alpha === null || dimension === null ? 1 : alpha / dimension,
    from: 'LoKr',
    isExact,
  };
}

function plainSide(site: Site, which: 'w1' | 'w2'): Side<MatrixSource> {
  const { module, parts } = site;
  const whole = parts.get(which);
  const factored = parts.has(`${which}_a`) || parts.has(`${which}_b`);
  if (whole && factored) {
    throw refuseModule('LORA_DUPLICATE_MODULE', module, `has both lokr_${which} and factors in its place`);
  }
  if (whole || !factored) {
    const source = requiredMatrix(site, which, `lokr_${which}`);
    const { rows, columns } = source;
    const kernel = source.entry.shape.slice(2);
    return { source, rows, columns, kernel, rank: Math.min(rows, columns), dimension: null };
  }
  const left = requiredMatrix(site, `${which}_a`, `lokr_${which}_a`);
  const right = requiredMatrix(site, `${which}_b`, `lokr_${which}_b`);
  if (left.columns !== right.rows) throw mismatch(module, left, right);
  return {
    source: { left, right },
    rows: left.rows,
    columns: right.columns,
    kernel: kernelIn(right),
    rank: right.rows,
    dimension: right.rows,
  };
}

/** w2 = einsum('i j k, i p, j r -> p r k', t2, w2_a, w2_b): t2 [r, r, k…], w2_a [r, rows], w2_b [r, columns]. */
function sideWithCore(site: Site): Side<TuckerSide> {
  const { module, parts } = site;
  if (parts.has('w2')) {
    throw refuseModule('LORA_DUPLICATE_MODULE', module, 'has both lokr_w2 and factors of it');
  }
  const t = matrixOf(parts.get('t2')!);
  const a = requiredMatrix(site, 'w2_a', 'lokr_w2_a');
  const b = requiredMatrix(site, 'w2_b', 'lokr_w2_b');
  if (t.rows !== a.rows || t.entry.shape[1] !== b.rows) throw mismatch(module, a, t, b);
  const kernel = t.entry.shape.slice(2);
  return {
    source: { t, a, b },
    rows: a.columns,
    columns: b.columns * sizeOf(kernel),
    kernel,
    rank: a.rows,
    dimension: b.rows,
  };
}

function mismatch(module: string, ...matrices: readonly MatrixEntry[]) {
  const shapes = matrices.map(({ entry }) => `${entry.name.slice(module.length + 1)} [${entry.shape}]`);
  return refuseModule(
    'LORA_RANK_MISMATCH',
    module,
    `has tensors whose shapes do not fit together: ${shapes.join(', ')}`,
  );
}
