import { flatten, KNOWN_MODELS, layerNamed } from './flat-names.ts';
import { type Layer, LINEAR } from './layer-table.ts';
import { fromLdmName, isLdmName } from './ldm-names.ts';

/** How trainers begin the names of modules, in which "_" replaces dots. */
const TRAINER = /^(?:lora|lycoris)_/;
const COMPONENT =
  /^(?:unet|te[123]?|text_encoder(?:_[123])?|transformer(?:_2)?|(?:model_)?diffusion_model|base_model_model)_/;

/** Transformers of text (CLIP, T5, Llama, Qwen) have linear layers only. */
const TEXT_ENCODER = /^(?:te[123]?|text_encoder(?:_[123])?)_/;

/**
 * Attention, feed-forward and state-space layers of language models, in the names of transformers (models/…/modeling_….py).
 * None of them is a convolution; the few that are have "conv" in their names.
 */
const LANGUAGE_MODEL: readonly RegExp[] = [
  // Llama and its kin, with experts too; in multimodal models the text model and the vision tower; Mamba; encoder-decoders.
  /^(?:(?:model|transformer|backbone|language_model|vision_tower|vision_model|encoder|decoder)_)*layers_\d+_(?:self_attn|encoder_attn|cross_attn|linear_attn|self_attention|attention|mlp|feed_forward|block_sparse_moe|mixer|mamba)_(?!.*conv)/,
  // OPT, BART, Whisper, CLIP's and SigLIP's blocks.
  /^(?:(?:model|encoder|decoder)_)+layers_\d+_fc[12]$/,
  // GPT-2, GPT-J, Falcon, BLOOM, Qwen.
  /^(?:transformer_)?h_\d+_(?:attn|self_attention|mlp)_(?!.*conv)/,
  /^gpt_neox_layers_\d+_(?:attention|mlp)_(?!.*conv)/,
  /^(?:transformer_)?(?:encoder|decoder)_block_\d+_layer_\d+_(?:SelfAttention|EncDecAttention|DenseReluDense)_/,
  // BERT and its kin.
  /^(?:[a-z]+_)?encoder_layer_\d+_(?:attention|crossattention|intermediate|output)_(?!.*conv)/,
  // The vision tower of Qwen-VL.
  /^(?:model_)?visual_blocks_\d+_(?:attn|mlp)_(?!.*conv)/,
  /^(?:language_model_)?lm_head$/,
];

/**
 * The kind of a layer by the path of its module, in the names of kohya, LyCORIS or diffusers, or in those of the
 * original implementations.
 * @returns null if the name belongs to no known model
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
