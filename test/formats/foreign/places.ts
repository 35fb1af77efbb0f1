import type { Layers, Place } from './model-adapters.ts';

/** How each kind of file names the layers of a model of diffusers. Written down here, sharing nothing with src/. */
export type Naming = (layers: Layers) => Place[];

/** Every layer by itself; a layer that gets no name is not adapted. */
export const each =
  (nameOf: (path: string) => string | null): Naming =>
  (layers) =>
    Object.keys(layers).flatMap((path) => {
      const name = nameOf(path);
      return name === null ? [] : [{ name, layers: [path] }];
    });

export const flat = (path: string): string => path.replaceAll('.', '_');
const ENCODERS: Readonly<Record<string, string>> = {
  'text_encoder.': 'lora_te1_',
  'text_encoder_2.': 'lora_te2_',
};

/** The names of text encoders, and what `nameOf` says for the others, of which it gets the path without "unet." or "transformer.". */
const withEncoders = (nameOf: (path: string) => string | null, first = 'lora_te1_'): Naming =>
  each((path) => {
    const end = path.indexOf('.') + 1;
    const prefix = ENCODERS[path.slice(0, end)];
    if (prefix === undefined) return nameOf(path.slice(end));
    return (prefix === 'lora_te1_' ? first : prefix) + flat(path.slice(end));
  });

export const asPaths: Naming = each((path) => path);
export const onlyIn = (prefix: string): Naming => each((path) => (path.startsWith(prefix) ? path : null));
export const sd15OfKohya = withEncoders((path) => `lora_unet_${flat(path)}`, 'lora_te_');
/** Without add_embedding, for which the loader of diffusers knows the names of the authors only. */
export const sdxlAsDiffusers = withEncoders((path) =>
  path.startsWith('add_embedding.') ? null : `lora_unet_${flat(path)}`,
);

export const RESNET: Readonly<Record<string, string>> = {
  conv1: 'in_layers_2',
  conv2: 'out_layers_3',
  time_emb_proj: 'emb_layers_1',
  conv_shortcut: 'skip_connection',
};
const OUTSIDE: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks_0_0',
  conv_out: 'out_2',
  'time_embedding.linear_1': 'time_embed_0',
  'time_embedding.linear_2': 'time_embed_2',
  'add_embedding.linear_1': 'label_emb_0_0',
  'add_embedding.linear_2': 'label_emb_0_2',
};

/** Stable Diffusion XL's UNet in the names of its authors: two resnets in each block down, three up; outside, no attention. */
function originalUnet(path: string): string {
  if (OUTSIDE[path]) return OUTSIDE[path];
  const [, where, block, kind, index, rest] =
    /^(down|mid|up)_blocks?(?:\.(\d+))?\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)$/.exec(
      path,
    )!;
  const at = 3 * Number(block) + Number(index);
  const leaf = kind === 'resnets' ? RESNET[rest!]! : flat(rest!);
  const part = kind === 'resnets' ? 0 : 1;
  if (where === 'mid') return `middle_block_${kind === 'attentions' ? 1 : 2 * Number(index)}_${leaf}`;
  if (kind === 'downsamplers') return `input_blocks_${3 * Number(block) + 3}_0_op`;
  if (kind === 'upsamplers') return `output_blocks_${3 * Number(block) + 2}_2_conv`;
  return where === 'down' ? `input_blocks_${at + 1}_${part}_${leaf}` : `output_blocks_${at}_${part}_${leaf}`;
}
export const sdxlOfKohya = withEncoders((path) => `lora_unet_${originalUnet(path)}`);

/** Modules of a block, and the layers that each consists of. */
export type Block = Readonly<Record<string, readonly string[]>>;

export const blocks = (count: number, ours: string, theirs: string, block: Block): Place[] =>
  Array.from({ length: count }, (_, index) =>
    Object.entries(block).map(([name, layers]) => ({
      name: theirs.replace('#', String(index)) + name,
      layers: layers.map((layer) => ours.replace('#', String(index)) + layer),
    })),
  ).flat();

const FLUX_ATTENTION: Block = {
  'img_attn.qkv': ['attn.to_q', 'attn.to_k', 'attn.to_v'],
  'img_attn.proj': ['attn.to_out.0'],
  'txt_attn.qkv': ['attn.add_q_proj', 'attn.add_k_proj', 'attn.add_v_proj'],
  'txt_attn.proj': ['attn.to_add_out'],
};
export const FLUX_DOUBLE: Block = {
  ...FLUX_ATTENTION,
  'img_mlp.0': ['ff.net.0.proj'],
  'img_mlp.2': ['ff.net.2'],
  'img_mod.lin': ['norm1.linear'],
  'txt_mlp.0': ['ff_context.net.0.proj'],
  'txt_mlp.2': ['ff_context.net.2'],
  'txt_mod.lin': ['norm1_context.linear'],
};
/** Without linear1, which the loader of diffusers splits at the sizes of the real model. */
export const FLUX_SINGLE: Block = { linear2: ['proj_out'], 'modulation.lin': ['norm.linear'] };

const FLUX_BLOCKS: readonly Place[] = [
  ...blocks(2, 'transformer.transformer_blocks.#.', 'double_blocks.#.', FLUX_DOUBLE),
  ...blocks(2, 'transformer.single_transformer_blocks.#.', 'single_blocks.#.', FLUX_SINGLE),
];

/** Flux in the names of its authors, as sd-scripts writes it, with CLIP's encoder. */
export const fluxOfKohya: Naming = (layers) => [
  ...FLUX_BLOCKS.map(({ name, layers }) => ({ name: `lora_unet_${flat(name)}`, layers })),
  ...withEncoders(() => null)(layers),
];

export const XLABS_BLOCKS = blocks(2, 'transformer.transformer_blocks.#.', 'double_blocks.#.processor.', {
  qkv_lora1: FLUX_ATTENTION['img_attn.qkv']!,
  proj_lora1: FLUX_ATTENTION['img_attn.proj']!,
  qkv_lora2: FLUX_ATTENTION['txt_attn.qkv']!,
  proj_lora2: FLUX_ATTENTION['txt_attn.proj']!,
});
export const fluxOfXlabs: Naming = () => XLABS_BLOCKS;

export const WAN: Block = {
  ...Object.fromEntries(
    ['self_attn', 'cross_attn'].flatMap((attention, index) =>
      ['q', 'k', 'v', 'o'].map((one) => [
        `${attention}.${one}`,
        [`attn${index + 1}.to_${one === 'o' ? 'out.0' : one}`],
      ]),
    ),
  ),
  'cross_attn.k_img': ['attn2.add_k_proj'],
  'cross_attn.v_img': ['attn2.add_v_proj'],
  'ffn.0': ['ffn.net.0.proj'],
  'ffn.2': ['ffn.net.2'],
};
const wanBlocks = (nameOf: (name: string) => string): Naming => {
  const places = blocks(2, 'transformer.blocks.#.', 'blocks.#.', WAN);
  return (layers) =>
    places
      .filter(({ layers: [layer] }) => layers[layer!])
      .map(({ name, layers }) => ({ name: nameOf(name), layers }));
};
export const wanOfAiToolkit = wanBlocks((name) => `diffusion_model.${name}`);
export const wanOfMusubi = wanBlocks((name) => `lora_unet_${flat(name)}`);

/** Models that have the same names here and in the original implementation. */
export const underDiffusionModel: Naming = each((path) => path.replace(/^transformer\./, 'diffusion_model.'));
export const underLoraUnet: Naming = each((path) => flat(path.replace(/^transformer\./, 'lora_unet.')));
