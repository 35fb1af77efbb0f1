/**
 * The layers that trainers adapt, by their paths in the models of diffusers and transformers, with the kind of each: the
 * UNets of Stable Diffusion 1, 2 and XL, and CLIP's text encoders; transformer-tables.ts has the transformers. "#" is
 * a number. The table serves two purposes: names without dots are turned back into paths (flat-names.ts), and factors
 * that LyCORIS flattened get the kernel of their convolution back (layer-of.ts).
 * Sources: diffusers, models/unets/unet_2d_condition.py, models/resnet.py; sd-scripts, networks/lora.py.
 */

/** A layer, as far as it determines the shapes of its factors. */
export type Layer =
  | { readonly kind: 'linear' }
  | { readonly kind: 'conv'; readonly kernel: readonly number[] }
  /** proj_in and proj_out: a 1×1 convolution in Stable Diffusion 1, a linear layer in 2 and XL (use_linear_projection). */
  | { readonly kind: 'projection' };

/** Kinds by path. */
export type LayerTable = Readonly<Record<string, Layer>>;

export const LINEAR: Layer = { kind: 'linear' };
const CONV_1X1: Layer = { kind: 'conv', kernel: [1, 1] };
const CONV_3X3: Layer = { kind: 'conv', kernel: [3, 3] };
const PROJECTION: Layer = { kind: 'projection' };

export const all = (layer: Layer, ...paths: readonly string[]): LayerTable =>
  Object.fromEntries(paths.map((path) => [path, layer]));

export const under = (heads: readonly string[], table: LayerTable): LayerTable =>
  Object.fromEntries(
    heads.flatMap((head) => Object.entries(table).map(([path, layer]) => [`${head}.${path}`, layer])),
  );

export const ATTENTION = all(LINEAR, 'to_q', 'to_k', 'to_v', 'to_out.#');
export const FEED_FORWARD = all(LINEAR, 'net.#.proj', 'net.#');

const SPATIAL_TRANSFORMER: LayerTable = {
  ...all(PROJECTION, 'proj_in', 'proj_out'),
  ...under(['transformer_blocks.#.attn1', 'transformer_blocks.#.attn2'], ATTENTION),
  ...under(['transformer_blocks.#.ff'], FEED_FORWARD),
};
const RESNET: LayerTable = {
  conv1: CONV_3X3,
  conv2: CONV_3X3,
  time_emb_proj: LINEAR,
  conv_shortcut: CONV_1X1,
};

export const UNET: LayerTable = {
  ...under(['down_blocks.#', 'mid_block', 'up_blocks.#'], {
    ...under(['attentions.#'], SPATIAL_TRANSFORMER),
    ...under(['resnets.#'], RESNET),
    ...all(CONV_3X3, 'downsamplers.#.conv', 'upsamplers.#.conv'),
  }),
  ...under(['time_embedding', 'add_embedding'], all(LINEAR, 'linear_#')),
  ...all(CONV_3X3, 'conv_in', 'conv_out'),
};

export const CLIP: LayerTable = {
  ...under(['text_model.encoder.layers.#.self_attn'], all(LINEAR, 'q_proj', 'k_proj', 'v_proj', 'out_proj')),
  ...under(['text_model.encoder.layers.#.mlp'], all(LINEAR, 'fc#')),
  text_projection: LINEAR,
};
