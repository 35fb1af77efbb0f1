import type { Derivation, MatrixEntry, MatrixSource, TuckerSide } from '../../adapter/staging-plan.ts';

/** Every matrix that a derivation reads. */
export function matricesOf(derivation: Derivation): MatrixEntry[] {
  switch (derivation.kind) {
    case 'hadamard':
      return [derivation.w1a, derivation.w1b, derivation.w2a, derivation.w2b];
    case 'hadamard-tucker':
      return derivation.sides.flatMap(parts);
    case 'kronecker':
      return [...parts(derivation.w1), ...parts(derivation.w2)];
    case 'tucker':
      return [derivation.up, derivation.mid, derivation.down];
    case 'dense':
      return [derivation.update];
  }
}

function parts(source: MatrixSource | TuckerSide): MatrixEntry[] {
  if ('t' in source) return [source.t, source.a, source.b];
  return 'left' in source ? [source.left, source.right] : [source];
}

/** Rows of a matrix, of a product, or of aᵀ·(what t and b make). */
export function rowsOf(source: MatrixSource | TuckerSide): number {
  if ('t' in source) return source.a.columns;
  return 'left' in source ? source.left.rows : source.rows;
}
