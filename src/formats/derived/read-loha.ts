import type { MatrixEntry, TuckerSide } from '../../adapter/staging-plan.ts';
import { type DerivedModule, rankFor } from './derived.ts';
import { checkSize, kernelIn, requiredMatrix, sizeOf } from './factors.ts';
import { refuseModule, type Site } from './site.ts';

/**
 * LoHa (LyCORIS, lycoris/modules/loha.py): (w1_a·w1_b) ⊙ (w2_a·w2_b), w_a [out, r], w_b [r, in·k…]. With cores t
 * [r, r, k…] both are Tucker's, w_a [r, out], w_b [r, in]. The scale is alpha/r, with r from w1_b.
 * @throws AppError LORA_UNPAIRED, LORA_RANK_MISMATCH, LORA_RANK_DIMS, …
 */
export function readLoha(site: Site, alpha: number | null): DerivedModule {
  const [w1a, w1b, w2a, w2b] = (['w1_a', 'w1_b', 'w2_a', 'w2_b'] as const).map((part) =>
    requiredMatrix(site, part, `hada_${part}`),
  ) as [MatrixEntry, MatrixEntry, MatrixEntry, MatrixEntry];
  const scale = alpha === null ? 1 : alpha / w1b.rows;
  if (site.parts.has('t1') || site.parts.has('t2')) return withCores(site, scale, [w1a, w1b, w2a, w2b]);
  const [m, n] = [w1a.rows, w1b.columns];
  if (w1a.columns !== w1b.rows || w2a.columns !== w2b.rows || w2a.rows !== m || w2b.columns !== n) {
    throw mismatch(site);
  }
  checkSize(site.module, m, n);
  const { rank, isExact } = rankFor(w1b.rows * w2b.rows, m, n);
  return {
    derivation: { kind: 'hadamard', module: site.module, m, n, rank, w1a, w1b, w2a, w2b },
    kernel: kernelIn(w1b),
    scale,
    from: 'LoHa',
    isExact,
  };
}

function withCores(
  site: Site,
  scale: number,
  [w1a, w1b, w2a, w2b]: readonly [MatrixEntry, MatrixEntry, MatrixEntry, MatrixEntry],
): DerivedModule {
  const [t1, t2] = [requiredMatrix(site, 't1', 'hada_t1'), requiredMatrix(site, 't2', 'hada_t2')];
  const sides = [
    { t: t1, a: w1a, b: w1b },
    { t: t2, a: w2a, b: w2b },
  ] as const satisfies readonly [TuckerSide, TuckerSide];
  const kernel = t1.entry.shape.slice(2);
  const fits = sides.every(
    ({ t, a, b }) =>
      `${t.entry.shape.slice(2)}` === `${kernel}` && t.rows === a.rows && t.entry.shape[1] === b.rows,
  );
  const [m, channels] = [w1a.columns, w1b.columns];
  if (!fits || w2a.columns !== m || w2b.columns !== channels) throw mismatch(site);
  const n = channels * sizeOf(kernel);
  checkSize(site.module, m, n);
  const { rank, isExact } = rankFor(w1a.rows * w2a.rows, m, n);
  return {
    derivation: {
      kind: 'hadamard-tucker',
      module: site.module,
      m,
      n,
      rank,
      sides,
      kernel: sizeOf(kernel),
    },
    kernel,
    scale,
    from: 'LoHa',
    isExact,
  };
}

function mismatch({ module, parts }: Site) {
  const shapes = [...parts.values()].map(({ name, shape }) => `${name.slice(module.length + 1)} [${shape}]`);
  return refuseModule(
    'LORA_RANK_MISMATCH',
    module,
    `has tensors whose shapes do not fit together: ${shapes.sort().join(', ')}`,
  );
}
