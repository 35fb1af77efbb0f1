import { FORMAT_NAMES, type FormatName } from '../../adapter/format-name.ts';
import { GGUF_ARCHITECTURES } from './gguf-architectures.ts';
import { namesIn, namesOut } from './names.ts';
import type { ConvertOptions } from './placed-adapter.ts';

/** A conversion that there is. */
export interface ConvertTarget {
  readonly format: FormatName;
  /** Options that it cannot do without, or in the cases that `limits` tell. */
  readonly needs: readonly (keyof ConvertOptions)[];
  /** Options that it takes besides. */
  readonly takes: readonly (keyof ConvertOptions)[];
  /** What of the source's adapters it cannot carry, one sentence each. */
  readonly limits: readonly string[];
}

/** Formats whose adapters belong to the same models: there are conversions within a family only. */
const PIPELINES: readonly FormatName[] = ['peft', 'diffusers', 'kohya'];
const LANGUAGE_MODELS: readonly FormatName[] = ['peft', 'mlx', 'gguf'];
/** Fused projections of Flux: into diffusers they do not go. */
const FLUX: readonly (readonly [FormatName, FormatName])[] = [
  ['kohya', 'xlabs'],
  ['xlabs', 'kohya'],
  ['diffusers', 'xlabs'],
];

const LIMITS: Readonly<Record<Exclude<FormatName, 'cloneofsimo'>, { in: string[]; out: string[] }>> = {
  peft: { in: [], out: ['One model: adapters of several parts of a pipeline are refused.'] },
  diffusers: { in: [], out: ['No LoRA of embeddings.'] },
  kohya: {
    in: [
      'Only names of Stable Diffusion 1, 2 and XL, of CLIP and of the transformers of diffusers; kohya writes "_" for ".".',
    ],
    out: ['No LoRA of embeddings; no biases of LoRA.'],
  },
  xlabs: { in: ['Only the double blocks of Flux.'], out: ["Only the attention of Flux's double blocks."] },
  mlx: {
    in: ['No experts of a mixture.'],
    out: [
      'Paths that transformers and mlx-lm share: model.layers.N, and GPT-2.',
      'One rank and one scale for all.',
    ],
  },
  gguf: {
    in: [
      `Architectures ${GGUF_ARCHITECTURES.join(', ')}.`,
      'heads where the rows of q and k are reordered (llama, granite, smollm3).',
    ],
    out: [
      `Architectures ${GGUF_ARCHITECTURES.join(', ')}.`,
      'heads where the rows of q and k are reordered (llama, granite, smollm3).',
      'No DoRA, no biases of LoRA.',
    ],
  },
};

/**
 * The conversions from a format, with what each needs. Every one refuses tensors that have no place in the other format:
 * heads, biases of the base model, textual inversions.
 */
export function convertTargets(from: FormatName): ConvertTarget[] {
  if (!namesIn(from)) return [];
  const reached = FORMAT_NAMES.filter((to) => to !== from && namesOut(to) !== null && isKnown(from, to));
  return reached.map((to) => ({ format: to, ...optionsOf(from, to), limits: limitsOf(from, to) }));
}

function optionsOf(from: FormatName, to: FormatName): Pick<ConvertTarget, 'needs' | 'takes'> {
  const needs: (keyof ConvertOptions)[] = to === 'gguf' ? ['architecture'] : [];
  const takes: (keyof ConvertOptions)[] = [];
  if (from === 'gguf') takes.push('architecture');
  if (from === 'gguf' || to === 'gguf') takes.push('heads', 'kv_heads');
  if (PIPELINES.includes(from) && PIPELINES.includes(to)) takes.push('component');
  if (to === 'peft' || to === 'mlx' || to === 'gguf') takes.push('base_model');
  return { needs, takes };
}

const isKnown = (from: FormatName, to: FormatName): boolean =>
  [PIPELINES, LANGUAGE_MODELS].some((family) => family.includes(from) && family.includes(to)) ||
  FLUX.some(([one, other]) => one === from && other === to);

function limitsOf(from: FormatName, to: FormatName): string[] {
  if (from === 'cloneofsimo' || to === 'cloneofsimo') return [];
  return [...new Set([...LIMITS[from].in, ...LIMITS[to].out])];
}
