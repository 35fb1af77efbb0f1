import { type DerivedModule, rankFor } from './derived.ts';
import { checkSize, matrixOf, requiredMatrix, sizeOf } from './factors.ts';
import { readLoha } from './read-loha.ts';
import { readLokr } from './read-lokr.ts';
import { refuseModule, type Site } from './site.ts';

/** Whether the file has the factors of a module themselves. */
export const isPlain = ({ algorithm, parts }: Site): boolean => algorithm === 'lora' && !parts.has('mid');

/**
 * How to derive factors for a module that is not a plain pair.
 * @param alpha null: there is none, or it has no effect
 * @throws AppError LORA_*, UNSUPPORTED_*, ST_VALIDATION_OVERFLOW
 */
export function readDerived(site: Site, alpha: number | null): DerivedModule {
  switch (site.algorithm) {
    case 'lora':
      return readTucker(site, alpha);
    case 'loha':
      return readLoha(site, alpha);
    case 'lokr':
      return readLokr(site, alpha);
    case 'full':
      return readFull(site);
    case 'adalora':
      return readDiagonal(site);
  }
}

/**
 * LoCon with a core (LyCORIS, lycoris/modules/locon.py, `use_tucker`): down [r, in, 1…], mid [r, r, k…], up [out, r, 1…];
 * the scale is alpha/r.
 */
function readTucker(site: Site, alpha: number | null): DerivedModule {
  const { module } = site;
  const down = requiredMatrix(site, 'down', 'lora_down');
  const up = requiredMatrix(site, 'up', 'lora_up');
  const mid = requiredMatrix(site, 'mid', 'lora_mid');
  const rank = down.rows;
  const [, inner, ...kernel] = mid.entry.shape;
  const pointwise = [down, up].every(({ entry }) => entry.shape.slice(2).every((size) => size === 1));
  if (up.columns !== rank || mid.rows !== rank || inner !== rank || !pointwise) {
    const shapes = `lora_down [${down.entry.shape}], lora_mid [${mid.entry.shape}], lora_up [${up.entry.shape}]`;
    throw refuseModule(
      'LORA_RANK_MISMATCH',
      module,
      `has tensors whose shapes do not fit together: ${shapes}`,
    );
  }
  const [m, n] = [up.rows, down.columns * sizeOf(kernel)];
  checkSize(module, m, n);
  return {
    derivation: { kind: 'tucker', module, m, n, rank, up, mid, down, kernel: sizeOf(kernel) },
    kernel,
    scale: alpha === null ? 1 : alpha / rank,
    from: 'Tucker',
    isExact: true,
  };
}

/** The whole difference of the weights (LyCORIS, lycoris/modules/full.py); nothing scales it. */
function readFull({ module, parts }: Site): DerivedModule {
  const update = matrixOf(parts.get('diff')!);
  const { rows: m, columns: n } = update;
  checkSize(module, m, n);
  const { rank, isExact } = rankFor(Number.POSITIVE_INFINITY, m, n);
  return {
    derivation: { kind: 'dense', module, m, n, rank, update },
    kernel: update.entry.shape.slice(2),
    scale: 1,
    from: 'full',
    isExact,
  };
}

/**
 * AdaLoRA (arXiv 2303.10512; peft/tuners/adalora/layer.py): B·diag(E)·A with A [r, n], E [r, 1] and B [m, r]. Convolutions
 * are matrices there, with n = in·k…. Its scale is in the configuration.
 */
function readDiagonal(site: Site): DerivedModule {
  const { module } = site;
  const right = requiredMatrix(site, 'A', 'lora_A');
  const left = requiredMatrix(site, 'B', 'lora_B');
  const diagonal = requiredMatrix(site, 'E', 'lora_E');
  const rank = right.rows;
  const areMatrices = [left, right, diagonal].every(({ entry }) => entry.shape.length === 2);
  if (!areMatrices || left.columns !== rank || diagonal.rows !== rank || diagonal.columns !== 1) {
    const shapes = `lora_A [${right.entry.shape}], lora_E [${diagonal.entry.shape}], lora_B [${left.entry.shape}]`;
    throw refuseModule(
      'LORA_RANK_MISMATCH',
      module,
      `has tensors whose shapes do not fit together: ${shapes}`,
    );
  }
  const [m, n] = [left.rows, right.columns];
  checkSize(module, m, n);
  return {
    derivation: { kind: 'diagonal', module, m, n, rank, left, diagonal, right },
    kernel: null,
    scale: 1,
    from: 'AdaLoRA',
    isExact: true,
  };
}
