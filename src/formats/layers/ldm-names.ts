/**
 * Names of the original UNet (CompVis, Stability AI), which kohya's files for Stable Diffusion XL have, against those of
 * diffusers. Both have two layers a block, so that every third input block is a downsampler; layers of an output block
 * come in threes (diffusers, loaders/lora_conversion_utils.py `_maybe_map_sgm_blocks_to_diffusers`).
 */
const LAYERS_PER_BLOCK = 3;

const RESNET: ReadonlyMap<string, string> = new Map([
  ['in_layers_2', 'conv1'],
  ['out_layers_3', 'conv2'],
  ['emb_layers_1', 'time_emb_proj'],
  ['skip_connection', 'conv_shortcut'],
]);

const FIXED: ReadonlyMap<string, string> = new Map([
  ['input_blocks_0_0', 'conv_in'],
  ['out_2', 'conv_out'],
  ['time_embed_0', 'time_embedding_linear_1'],
  ['time_embed_2', 'time_embedding_linear_2'],
  ['label_emb_0_0', 'add_embedding_linear_1'],
  ['label_emb_0_2', 'add_embedding_linear_2'],
]);

const IS_LDM = /^(?:input_blocks|middle_block|output_blocks|time_embed|label_emb|out)_\d/;
const PART = /^(?:(input|output)_blocks_(\d+)|middle_block)_(\d+)_(.+)$/;

/** Whether the flat name (without lora_unet_) is one of the original UNet's. */
export const isLdmName = (name: string): boolean => IS_LDM.test(name);

/**
 * The flat name that diffusers' UNet has for the module.
 * @returns null if there is none
 */
export function fromLdmName(name: string): string | null {
  const fixed = FIXED.get(name);
  if (fixed !== undefined) return fixed;
  const match = PART.exec(name);
  if (!match) return null;
  const [, side, number, inner, rest] = match;
  if (side === undefined) return middle(Number(inner), rest!);
  return side === 'input' ? input(Number(number), inner!, rest!) : output(Number(number), inner!, rest!);
}

function input(index: number, inner: string, rest: string): string | null {
  if (index === 0) return null;
  const block = `down_blocks_${Math.floor((index - 1) / LAYERS_PER_BLOCK)}`;
  const layer = (index - 1) % LAYERS_PER_BLOCK;
  if (layer === LAYERS_PER_BLOCK - 1) {
    return inner === '0' && rest === 'op' ? `${block}_downsamplers_0_conv` : null;
  }
  return part(block, layer, inner, rest);
}

function output(index: number, inner: string, rest: string): string | null {
  const block = `up_blocks_${Math.floor(index / LAYERS_PER_BLOCK)}`;
  const layer = index % LAYERS_PER_BLOCK;
  // The upsampler follows the last layer, which may lack an attention.
  if (rest === 'conv') {
    return layer === LAYERS_PER_BLOCK - 1 && inner !== '0' ? `${block}_upsamplers_0_conv` : null;
  }
  return part(block, layer, inner, rest);
}

function middle(inner: number, rest: string): string | null {
  if (inner === 1) return part('mid_block', 0, '1', rest);
  return inner === 0 || inner === 2 ? part('mid_block', inner / 2, '0', rest) : null;
}

/** inner 0 is the residual block of a layer, 1 its attention. */
function part(block: string, layer: number, inner: string, rest: string): string | null {
  if (inner === '1' && !RESNET.has(rest)) return `${block}_attentions_${layer}_${rest}`;
  const conv = RESNET.get(rest);
  return inner === '0' && conv !== undefined ? `${block}_resnets_${layer}_${conv}` : null;
}
