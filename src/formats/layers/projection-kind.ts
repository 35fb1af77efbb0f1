import { quote } from '../../json/quote.ts';
import { layerOf } from './layer-of.ts';

/** What a file shows of one module. */
export interface ShownLayer {
  /** Path of the module, as the file names it. */
  readonly name: string;
  /** Columns of ΔW: input channels times the kernel. */
  readonly n: number;
  /** The kernel in the shapes of its tensors, [] for a matrix of a linear layer; null where a convolution would look the same. */
  readonly kernel: readonly number[] | null;
  /** Dimensions of the layer's weight where another tensor shows them (dora_scale); null where none does. */
  readonly dimensions: number | null;
}

/** Whether proj_in and proj_out are 1×1 convolutions, and the reason, which completes "because …". */
export interface ProjectionKind {
  readonly isConv: boolean;
  readonly because: string;
}

/** Inputs of cross-attention's keys and values: the width of the text encoder tells the family. */
const TEXT_WIDTHS: ReadonlyMap<number, string> = new Map([
  [768, 'Stable Diffusion 1'],
  [1024, 'Stable Diffusion 2'],
  [1280, 'the refiner of Stable Diffusion XL'],
  [2048, 'Stable Diffusion XL'],
]);
const CROSS_ATTENTION = /[._]attn2[._]to_[kv]$/;

/** Modules that only XL has: transformers of several blocks, the embedding of sizes, a second text encoder. */
const ONLY_XL =
  /[._]transformer_blocks[._][1-9]|[._]add_embedding[._]|[._]label_emb[._]|^(?:lora|lycoris)_te2_/;

/** Keys of the metadata that name the base model, in the order in which they are believed. */
const BASE_MODEL_KEYS = ['ss_base_model_version', 'modelspec.architecture'] as const;
const FAMILIES: readonly (readonly [pattern: RegExp, isConv: boolean])[] = [
  [/^sdxl|stable-diffusion-xl/i, false],
  [/^sd_v2|stable-diffusion-v2/i, false],
  [/^sd_v1|stable-diffusion-v1/i, true],
];

/**
 * What proj_in and proj_out of a UNet are (diffusers, `use_linear_projection`), in the order of how direct the sign is:
 * the shapes of another such layer in the file, the width of the text that cross-attention reads, modules that only
 * Stable Diffusion XL has, the base model in the metadata.
 * @returns null where the file shows none of these
 */
export function projectionKind(
  layers: readonly ShownLayer[],
  metadata: ReadonlyMap<string, string>,
): ProjectionKind | null {
  for (const { name, kernel, dimensions } of layers) {
    const shown = kernel ?? (dimensions === null ? null : new Array<number>(dimensions - 2).fill(1));
    if (shown === null || layerOf(name)?.kind !== 'projection') continue;
    return { isConv: shown.length > 0, because: `the tensors of ${quote(name)} have the shapes of one` };
  }
  for (const { name, n } of layers) {
    const family = CROSS_ATTENTION.test(name) ? TEXT_WIDTHS.get(n) : undefined;
    if (family === undefined) continue;
    return {
      isConv: n === 768,
      because: `${quote(name)} reads vectors of ${n} numbers, as in ${family}`,
    };
  }
  const xl = layers.find(({ name }) => ONLY_XL.test(name));
  if (xl) return { isConv: false, because: `only Stable Diffusion XL has ${quote(xl.name)}` };
  for (const key of BASE_MODEL_KEYS) {
    const value = metadata.get(key);
    const family = FAMILIES.find(([pattern]) => value !== undefined && pattern.test(value));
    if (family) return { isConv: family[1], because: `the metadata says ${key}: ${quote(value!)}` };
  }
  return null;
}
