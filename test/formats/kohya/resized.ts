import type { Target } from '../../../src/contract/target.ts';
import { factorsWithSpectrum } from '../../oracle/known-matrices.ts';
import { buildSafetensors, float32Tensor, type Tensor } from '../../oracle/safetensors.ts';
import { alphaTensor } from './build.ts';

/** Arguments of `resize_lora.py`: --dynamic_method, --dynamic_param, --new_rank. */
export interface Resize {
  readonly method: 'sv_fro' | 'sv_ratio' | 'sv_cumulative';
  readonly parameter: number;
  readonly new_rank: number;
}

const NO_CAP = 1000;

/** Every method, from few directions to nearly all, with and without a limit. */
export const RESIZES: readonly Resize[] = [
  ...[0.5, 0.8, 0.95, 0.999].map((parameter) => ({ method: 'sv_fro' as const, parameter, new_rank: NO_CAP })),
  ...[1.5, 3, 20].map((parameter) => ({ method: 'sv_ratio' as const, parameter, new_rank: NO_CAP })),
  ...[0.3, 0.6, 0.9].map((parameter) => ({ method: 'sv_cumulative' as const, parameter, new_rank: NO_CAP })),
  { method: 'sv_fro', parameter: 0.95, new_rank: 3 },
  { method: 'sv_ratio', parameter: 20, new_rank: 2 },
];

/** The same as a target: sv_fro is a share of the norm, energy a share of its square. */
export function targetOf({ method, parameter, new_rank: rank }: Resize): Target {
  const shared = { compat: 'kohya', dtype: 'float32', ...(rank < NO_CAP && { max_rank: rank }) } as const;
  if (method === 'sv_fro') return { energy: parameter ** 2, ...shared };
  return method === 'sv_ratio' ? { ratio: parameter, ...shared } : { cumulative: parameter, ...shared };
}

interface Layer {
  readonly m: number;
  readonly n: number;
  readonly kernel?: readonly number[];
  readonly sigma: readonly number[];
  readonly alpha?: number;
}

const powers = (rank: number, exponent: number, size = 1): number[] =>
  Array.from({ length: rank }, (_, index) => size * (index + 1) ** -exponent);

/** Linear layers and convolutions whose spectra fall quickly, slowly and not at all; some as wide as their rank. */
const LAYERS: Readonly<Record<string, Layer>> = {
  steep: { m: 24, n: 20, sigma: powers(8, 1.7), alpha: 16 },
  slow: { m: 20, n: 30, sigma: powers(12, 0.31, 3), alpha: 3 },
  flat: { m: 16, n: 16, sigma: [1, 0.99, 0.98, 0.97, 0.96, 0.95] },
  conv3: { m: 12, n: 5, kernel: [3, 3], sigma: powers(6, 0.83, 0.2), alpha: 1 },
  conv1: { m: 18, n: 16, kernel: [1, 1], sigma: powers(8, 1.13), alpha: 8 },
  narrow: { m: 4, n: 30, sigma: powers(4, 0.57), alpha: 4 },
  single: { m: 10, n: 10, sigma: [2], alpha: 1 },
  // Below the threshold of zero; its scale of 1,000 makes no difference.
  tiny: { m: 14, n: 14, sigma: powers(4, 0.5, 9e-7), alpha: 4000 },
};

/** A file of kohya with these layers, in float32; the same bytes every time. */
export function resizable(): Buffer {
  const tensors: Record<string, Tensor> = {};
  for (const [index, [name, { m, n, kernel = [], sigma, alpha }]] of Object.entries(LAYERS).entries()) {
    const columns = kernel.reduce((product, size) => product * size, n);
    const { a, b } = factorsWithSpectrum(m, columns, sigma, 100 + index);
    const module = `lora_unet_${name}`;
    tensors[`${module}.lora_down.weight`] = float32Tensor([sigma.length, n, ...kernel], a.data);
    tensors[`${module}.lora_up.weight`] = float32Tensor([m, sigma.length, ...kernel.map(() => 1)], b.data);
    if (alpha !== undefined) tensors[`${module}.alpha`] = alphaTensor(alpha);
  }
  return buildSafetensors(tensors);
}
