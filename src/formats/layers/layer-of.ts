import { flatten, KNOWN_MODELS, layerNamed } from './flat-names.ts';
import { type Layer, LINEAR } from './layer-table.ts';
import { fromLdmName, isLdmName } from './ldm-names.ts';

/** How trainers begin the names of modules, dots replaced by "_". */
const TRAINER = /^(?:lora|lycoris)_/;
const COMPONENT =
  /^(?:unet|te[123]?|text_encoder(?:_[123])?|transformer(?:_2)?|(?:model_)?diffusion_model|base_model_model)_/;

/** Transformers of text (CLIP, T5, Llama, Qwen) have linear layers only. */
const TEXT_ENCODER = /^(?:te[123]?|text_encoder(?:_[123])?)_/;

/** Attention and feed-forward layers of language models, in the names of transformers. None of them is a convolution. */
const LANGUAGE_MODEL: readonly RegExp[] = [
  /^(?:model_)?(?:language_model_)?layers_\d+_(?:self_attn|mlp)_(?!.*conv)/,
  /^(?:transformer_)?h_\d+_(?:attn|mlp)_(?!.*conv)/,
];

/**
 * The kind of a layer, told by the path of its module: in the names of kohya, LyCORIS or diffusers, and in those of the
 * original implementations.
 * @returns null where the name is of no model that is known here
 */
export function layerOf(module: string): Layer | null {
  const whole = flatten(module).replace(TRAINER, '');
  if (TEXT_ENCODER.test(whole)) return LINEAR;
  // LyCORIS itself puts no component before the path, and "transformer_blocks" only looks like one.
  for (const flat of [whole, whole.replace(COMPONENT, '')]) {
    const name = isLdmName(flat) ? fromLdmName(flat) : flat;
    if (name === null) continue;
    const layers = KNOWN_MODELS.map((model) => layerNamed(name, model));
    const layer = layers.find((found) => found !== undefined);
    if (layer) return layer;
    if (LANGUAGE_MODEL.some((pattern) => pattern.test(name))) return LINEAR;
  }
  return null;
}
