/**
 * The layers of the transformers of image and video models, in the names of their authors and in those of diffusers: which
 * are linear, and which are convolutions with what kernel. "#" is a number. The parts of paths that several models share are
 * written once. Sources: diffusers (58eb52c), models/transformers and loaders/lora_conversion_utils.py; black-forest-labs/flux,
 * modules/layers.py; Stability-AI/sd3.5, mmditx.py; Wan-Video/Wan2.1, wan/modules/model.py; Tencent/HunyuanVideo, hyvideo/modules.
 */
import { ATTENTION, all, FEED_FORWARD, type Layer, type LayerTable, LINEAR, under } from './layer-table.ts';

/** A patch of an image, and of two frames or one of a video. */
const PATCH_2D: Layer = { kind: 'conv', kernel: [2, 2] };
const PATCH_3D: Layer = { kind: 'conv', kernel: [1, 2, 2] };

const JOINT_ATTENTION: LayerTable = {
  ...ATTENTION,
  ...all(LINEAR, 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'),
};

/** diffusers' transformers of Flux, Stable Diffusion 3 and HunyuanVideo. */
export const TRANSFORMER: LayerTable = {
  ...under(['transformer_blocks.#'], {
    ...under(['attn', 'attn2'], JOINT_ATTENTION),
    ...under(['ff', 'ff_context'], FEED_FORWARD),
    ...all(LINEAR, 'norm1.linear', 'norm1_context.linear'),
  }),
  ...under(['single_transformer_blocks.#'], {
    ...under(['attn'], ATTENTION),
    ...all(LINEAR, 'norm.linear', 'proj_mlp', 'proj_out'),
  }),
  ...under(
    ['timestep_embedder', 'guidance_embedder', 'text_embedder'].map((name) => `time_text_embed.${name}`),
    all(LINEAR, 'linear_#'),
  ),
  ...all(LINEAR, 'x_embedder', 'context_embedder', 'norm_out.linear', 'proj_out'),
};

/** Flux as Black Forest Labs names it. */
export const FLUX: LayerTable = {
  ...under(['double_blocks.#'], {
    ...under(['img_attn', 'txt_attn'], all(LINEAR, 'qkv', 'proj')),
    ...under(['img_mlp', 'txt_mlp'], all(LINEAR, '#')),
    ...under(['img_mod', 'txt_mod'], all(LINEAR, 'lin')),
  }),
  ...under(['single_blocks.#'], all(LINEAR, 'linear#', 'modulation.lin')),
};

/** Of Flux and Stable Diffusion 3, what lies outside the blocks. */
const FRAME: LayerTable = {
  ...all(LINEAR, 'img_in', 'txt_in'),
  ...under(['time_in', 'vector_in', 'guidance_in'], all(LINEAR, 'in_layer', 'out_layer')),
  ...under(['final_layer'], all(LINEAR, 'linear', 'adaLN_modulation.#')),
};

/**
 * Stable Diffusion 3 as Stability AI names it; "pos_embed.proj" is diffusers'. "x_embedder.proj" is left out: it is a
 * convolution of 2 × 2 here and of 1 × 2 × 2 in diffusers' HunyuanVideo.
 */
const SD3: LayerTable = {
  ...under(['joint_blocks.#.x_block', 'joint_blocks.#.context_block'], {
    ...under(['attn', 'attn2'], all(LINEAR, 'qkv', 'proj')),
    ...under(['mlp'], all(LINEAR, 'fc#')),
    ...all(LINEAR, 'adaLN_modulation.#'),
  }),
  ...under(['t_embedder', 'y_embedder'], all(LINEAR, 'mlp.#')),
  ...all(PATCH_2D, 'pos_embed.proj'),
};

/** HunyuanVideo as Tencent names it, and what diffusers names otherwise than in other transformers. */
const HUNYUAN: LayerTable = {
  ...under(['double_blocks.#'], {
    ...all(LINEAR, 'img_attn_qkv', 'img_attn_proj', 'txt_attn_qkv', 'txt_attn_proj'),
    ...all(LINEAR, 'img_mod.linear', 'txt_mod.linear'),
    ...under(['img_mlp', 'txt_mlp'], all(LINEAR, 'fc#')),
  }),
  ...under(['single_blocks.#'], all(LINEAR, 'modulation.linear')),
  ...under(['txt_in.individual_token_refiner.blocks.#'], {
    ...all(LINEAR, 'self_attn_qkv', 'self_attn_proj', 'adaLN_modulation.#'),
    ...under(['mlp'], all(LINEAR, 'fc#', '#')),
  }),
  ...all(LINEAR, 'txt_in.input_embedder', 'txt_in.t_embedder.mlp.#', 'txt_in.c_embedder.linear_#'),
  // ComfyUI's.
  ...under(['txt_in.t_embedder', 'txt_in.c_embedder'], all(LINEAR, 'in_layer', 'out_layer')),
  ...all(LINEAR, 'time_in.mlp.#', 'guidance_in.mlp.#'),
  ...all(PATCH_3D, 'img_in.proj'),
  ...under(['context_embedder'], {
    ...under(['token_refiner.refiner_blocks.#'], {
      ...under(['attn'], ATTENTION),
      ...under(['ff'], FEED_FORWARD),
      ...all(LINEAR, 'norm_out.linear'),
    }),
    ...all(
      LINEAR,
      'proj_in',
      'time_text_embed.timestep_embedder.linear_#',
      'time_text_embed.text_embedder.linear_#',
    ),
  }),
};

const WAN_BLOCK: LayerTable = {
  ...under(['self_attn', 'cross_attn'], all(LINEAR, 'q', 'k', 'v', 'o', 'k_img', 'v_img')),
  ...under(['attn#'], { ...ATTENTION, ...all(LINEAR, 'add_k_proj', 'add_v_proj') }),
  ...under(['ffn'], { ...all(LINEAR, '#'), ...FEED_FORWARD }),
  ...all(LINEAR, 'before_proj', 'after_proj', 'proj_in', 'proj_out'),
};

/** Wan as Alibaba names it, and as diffusers does. */
const WAN: LayerTable = {
  ...under(['blocks.#', 'vace_blocks.#'], WAN_BLOCK),
  ...all(LINEAR, 'text_embedding.#', 'time_embedding.#', 'time_projection.#', 'img_emb.proj.#', 'head.head'),
  ...under(['condition_embedder'], {
    ...under(['time_embedder', 'text_embedder'], all(LINEAR, 'linear_#')),
    ...under(['image_embedder.ff'], FEED_FORWARD),
    ...all(LINEAR, 'time_proj'),
  }),
  ...all(PATCH_3D, 'patch_embedding', 'vace_patch_embedding'),
};

/** Qwen-Image: the attention is that of other transformers. */
const QWEN_IMAGE: LayerTable = {
  ...under(['transformer_blocks.#'], {
    ...under(['img_mlp', 'txt_mlp'], FEED_FORWARD),
    ...all(LINEAR, 'img_mod.#', 'txt_mod.#'),
  }),
};

const LTX: LayerTable = {
  ...under(['transformer_blocks.#.attn#'], ATTENTION),
  ...under(['adaln_single', 'time_embed'], all(LINEAR, 'linear', 'emb.timestep_embedder.linear_#')),
  ...all(LINEAR, 'patchify_proj', 'proj_in', 'caption_projection.linear_#'),
};

/** Lumina 2 and Z-Image. */
const LUMINA: LayerTable = {
  ...under(['layers.#', 'noise_refiner.#', 'context_refiner.#'], {
    ...under(['attention'], { ...ATTENTION, ...all(LINEAR, 'qkv', 'out') }),
    ...under(['feed_forward'], all(LINEAR, 'w1', 'w2', 'w3', 'linear_#')),
    ...all(LINEAR, 'adaLN_modulation.#', 'norm1.linear'),
  }),
  // Z-Image names a layer after the sizes of its patches: 2 and 1.
  ...all(LINEAR, 'all_x_embedder.2-1', 'cap_embedder.#'),
  ...under(['all_final_layer.2-1'], all(LINEAR, 'linear', 'adaLN_modulation.#')),
};

/** By model; what two of them share stands in the first. */
export const TRANSFORMERS = {
  transformer: TRANSFORMER,
  flux: FLUX,
  frame: FRAME,
  sd3: SD3,
  hunyuan_video: HUNYUAN,
  wan: WAN,
  qwen_image: QWEN_IMAGE,
  ltx: LTX,
  lumina: LUMINA,
} as const satisfies Readonly<Record<string, LayerTable>>;
