/**
 * Paths of the modules that trainers adapt in the UNets of Stable Diffusion 1, 2 and XL, in CLIP's text encoders and in
 * the transformers of Flux and Stable Diffusion 3, as diffusers and transformers name them; "#" is a number. kohya writes
 * "_" for "." and so loses which "_" was one; within this vocabulary it comes back (kohya-ss/sd-scripts,
 * networks/lora.py; diffusers, models/unets and models/transformers).
 */
const times = (heads: readonly string[], tails: readonly string[]): string[] =>
  heads.flatMap((head) => tails.map((tail) => `${head}.${tail}`));

const ATTENTION = ['to_q', 'to_k', 'to_v', 'to_out.#'];
const FEED_FORWARD = ['net.#.proj', 'net.#'];

const BLOCK = times(['attn1', 'attn2'], ATTENTION).concat(times(['ff'], FEED_FORWARD));
const SPATIAL = ['proj_in', 'proj_out', ...times(['transformer_blocks.#'], BLOCK)];
const RESNET = ['conv1', 'conv2', 'time_emb_proj', 'conv_shortcut'];
const UNET_PARTS = [
  ...times(['attentions.#'], SPATIAL),
  ...times(['resnets.#'], RESNET),
  'downsamplers.#.conv',
  'upsamplers.#.conv',
];

export const UNET_PATHS: readonly string[] = [
  ...times(['down_blocks.#', 'mid_block', 'up_blocks.#'], UNET_PARTS),
  ...times(['time_embedding', 'add_embedding'], ['linear_#']),
  'conv_in',
  'conv_out',
];

const ENCODER = times(['self_attn'], ['q_proj', 'k_proj', 'v_proj', 'out_proj']).concat(
  times(['mlp'], ['fc#']),
);
export const CLIP_PATHS: readonly string[] = [
  ...times(['text_model.encoder.layers.#'], ENCODER),
  'text_projection',
];

const JOINT_ATTENTION = [...ATTENTION, 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'];
const JOINT = [
  ...times(['attn', 'attn2'], JOINT_ATTENTION),
  ...times(['ff', 'ff_context'], FEED_FORWARD),
  'norm1.linear',
  'norm1_context.linear',
];
const SINGLE = [...times(['attn'], ATTENTION), 'norm.linear', 'proj_mlp', 'proj_out'];
const EMBEDDERS = ['timestep_embedder', 'guidance_embedder', 'text_embedder'];
export const TRANSFORMER_PATHS: readonly string[] = [
  ...times(['transformer_blocks.#'], JOINT),
  ...times(['single_transformer_blocks.#'], SINGLE),
  ...times(times(['time_text_embed'], EMBEDDERS), ['linear_#']),
  'x_embedder',
  'context_embedder',
  'norm_out.linear',
  'proj_out',
];

/** Flux as Black Forest Labs names it (black-forest-labs/flux, modules/layers.py). */
export const FLUX_PATHS: readonly string[] = [
  ...times(
    ['double_blocks.#'],
    [
      ...times(['img_attn', 'txt_attn'], ['qkv', 'proj']),
      ...times(['img_mlp', 'txt_mlp'], ['#']),
      ...times(['img_mod', 'txt_mod'], ['lin']),
    ],
  ),
  ...times(['single_blocks.#'], ['linear#', 'modulation.lin']),
];
