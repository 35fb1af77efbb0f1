import { FORMAT_NAMES, type FormatName } from '../../adapter/format-name.ts';
import { GGUF_ARCHITECTURES } from './gguf-architectures.ts';
import { nameReader, nameWriter } from './names.ts';
import type { ConvertOptions } from './placed-adapter.ts';

/** An available conversion. */
export interface ConvertTarget {
  readonly format: FormatName;
  /** Options that it requires, always or in the cases that `limits` describes. */
  readonly needs: readonly (keyof ConvertOptions)[];
  /** Options that it also accepts. */
  readonly takes: readonly (keyof ConvertOptions)[];
  /** What cannot be converted, one sentence each. */
  readonly limits: readonly string[];
}

/** Formats whose adapters belong to the same models: conversions exist within a family only. */
const PIPELINES: readonly FormatName[] = ['peft', 'diffusers', 'kohya'];
const LANGUAGE_MODELS: readonly FormatName[] = ['peft', 'mlx', 'gguf'];
/** Fused projections of Flux, which cannot be converted to diffusers. */
const FLUX: readonly (readonly [FormatName, FormatName])[] = [
  ['kohya', 'xlabs'],
  ['xlabs', 'kohya'],
  ['diffusers', 'xlabs'],
];

const LIMITS: Readonly<Record<Exclude<FormatName, 'cloneofsimo'>, { in: string[]; out: string[] }>> = {
  peft: {
    in: [],
    out: ['A PEFT adapter belongs to one model, so adapters of several parts of a pipeline are refused.'],
  },
  diffusers: { in: [], out: ['LoRA embeddings are refused.'] },
  kohya: {
    in: [
      'Only the names of Stable Diffusion 1, 2 and XL, of CLIP and of the transformers of diffusers can be turned back into paths, because kohya writes "_" in place of ".".',
    ],
    out: ['LoRA embeddings and LoRA biases are refused.'],
  },
  xlabs: {
    in: ['Only the double blocks of Flux can be converted.'],
    out: ["Only the attention of Flux's double blocks can be written."],
  },
  mlx: {
    in: ['The experts of a mixture can be converted to GGUF only.'],
    out: [
      'Only paths that transformers and mlx-lm share can be written: model.layers.N, and those of GPT-2.',
      'All modules share one scaling.',
    ],
  },
  gguf: {
    in: [
      `The architectures are ${GGUF_ARCHITECTURES.join(', ')}.`,
      'format_options.heads is required where llama.cpp reorders the rows of q and k (llama, granite, smollm3).',
    ],
    out: [
      `The architectures are ${GGUF_ARCHITECTURES.join(', ')}.`,
      'format_options.heads is required where llama.cpp reorders the rows of q and k (llama, granite, smollm3).',
      'DoRA and LoRA biases are refused.',
    ],
  },
};

/**
 * The conversions from a format, with what each needs. Every one refuses tensors that the other format cannot represent:
 * heads, biases of the base model, textual inversions.
 */
export function convertTargets(from: FormatName): ConvertTarget[] {
  if (!nameReader(from)) return [];
  const reached = FORMAT_NAMES.filter((to) => to !== from && nameWriter(to) !== null && isKnown(from, to));
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
