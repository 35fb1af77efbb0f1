import { flatten, KNOWN_MODELS, layerNamed } from './flat-names.ts';
import { type Layer, LINEAR } from './layer-table.ts';
import { fromLdmName, isLdmName } from './ldm-names.ts';

/** How trainers begin the names of modules, dots replaced by "_". */
const TRAINER = /^(?:lora|lycoris)_/;
const COMPONENT =
  /^(?:unet|te[123]?|text_encoder(?:_[123])?|transformer(?:_2)?|(?:model_)?diffusion_model|base_model_model)_/;

/** Transformers of text (CLIP, T5, Llama, Qwen) have linear layers only. */
const TEXT_ENCODER = /^(?:te[123]?|text_encoder(?:_[123])?)_/;

/**
 * Layers within the blocks of the transformers of image and video models (Flux, Stable Diffusion 3, Hunyuan, Wan,
 * Qwen-Image, LTX, Lumina): they are linear, except for a few whose names say that they are convolutions.
 */
const TRANSFORMER_BLOCK: readonly RegExp[] = [
  // Decoders of text, in the names of transformers.
  /^(?:model_)?(?:language_model_)?layers_\d+_(?:self_attn|mlp)_(?!.*conv)/,
  /^h_\d+_(?:attn|mlp)_(?!.*conv)/,
  /^(?:double|single|joint|transformer|single_transformer)_blocks_\d+_(?!.*conv)/,
  /^(?:vace_)?blocks_\d+_(?:self_attn|cross_attn|attn[12]?|ffn)_(?!.*conv)/,
  /^(?:layers|noise_refiner|context_refiner)_\d+_(?:attention|feed_forward|adaLN_modulation)_(?!.*conv)/,
];

/**
 * The kind of a layer, told by the path of its module: in the names of kohya, LyCORIS or diffusers, and for UNets also in
 * those of the original implementation (input_blocks).
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
    if (TRANSFORMER_BLOCK.some((pattern) => pattern.test(name))) return LINEAR;
  }
  return null;
}
