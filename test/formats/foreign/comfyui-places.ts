import { type Place, part } from './model-adapters.ts';
import {
  type Block,
  blocks,
  FLUX_DOUBLE,
  FLUX_SINGLE,
  flat,
  type Naming,
  RESNET,
  WAN,
  XLABS_BLOCKS,
} from './places.ts';

/** How each kind of file names the layers of a model of ComfyUI, which has the names of the models' authors. */

const MODEL = 'diffusion_model.';
const ENCODER = /^clip_([lg])\.transformer\.(?=text_model)/;

/** The layers of the model by what `nameOf` says, which gets the path without "diffusion_model."; encoders by their prefixes. */
const naming =
  (
    nameOf: (path: string) => string | null,
    encoders: Readonly<Record<string, string>>,
    isFlat = true,
  ): Naming =>
  (layers) =>
    Object.keys(layers).flatMap((layer): Place[] => {
      const encoder = ENCODER.exec(layer);
      const rest = layer.slice(encoder?.[0].length);
      const inEncoder = encoder && encoders[encoder[1]!]! + (isFlat ? flat(rest) : rest);
      const name = layer.startsWith(MODEL) ? nameOf(layer.slice(MODEL.length)) : inEncoder;
      return name === null ? [] : [{ name, layers: [layer] }];
    });

const OF_SD1 = { l: 'lora_te_' };
const OF_OTHERS = { l: 'lora_te1_', g: 'lora_te2_' };
const OF_DIFFUSERS = { l: 'text_encoder.', g: 'text_encoder_2.' };

export const asKohya = naming((path) => `lora_unet_${flat(path)}`, OF_OTHERS);
export const sd1AsKohya = naming((path) => `lora_unet_${flat(unetOfDiffusers(path))}`, OF_SD1);
export const sdxlAsKohyaWithDiffusers = naming(
  (path) => `lora_unet_${flat(unetOfDiffusers(path))}`,
  OF_OTHERS,
);
export const unetAsDiffusers = naming((path) => `unet.${unetOfDiffusers(path)}`, OF_DIFFUSERS, false);
export const underDiffusionModel = naming((path) => MODEL + path, OF_DIFFUSERS, false);
export const underTransformer = naming((path) => `transformer.${path}`, OF_DIFFUSERS, false);

const OUTSIDE: Readonly<Record<string, string>> = {
  'input_blocks.0.0': 'conv_in',
  'out.2': 'conv_out',
  'time_embed.0': 'time_embedding.linear_1',
  'time_embed.2': 'time_embedding.linear_2',
  'label_emb.0.0': 'add_embedding.linear_1',
  'label_emb.0.2': 'add_embedding.linear_2',
};
const OF_RESNET = new Map(Object.entries(RESNET).map(([ours, theirs]) => [theirs, ours]));

/** The path in diffusers of a layer of a UNet with two resnets in each block down, and three up. */
function unetOfDiffusers(path: string): string {
  if (OUTSIDE[path]) return OUTSIDE[path];
  const [, where, number, rest] = /^(\w+?)_blocks?\.(\d+)(?:\.\d)?\.(.+)$/.exec(path)!;
  const at = Number(number);
  const inside = (index: number): string =>
    OF_RESNET.has(flat(rest!))
      ? `resnets.${index}.${OF_RESNET.get(flat(rest!))}`
      : `attentions.${index}.${rest}`;
  if (where === 'middle') return `mid_block.${inside(at === 2 ? 1 : 0)}`;
  if (rest === 'op') return `down_blocks.${at / 3 - 1}.downsamplers.0.conv`;
  if (rest === 'conv') return `up_blocks.${Math.floor(at / 3)}.upsamplers.0.conv`;
  const [block, index] = where === 'input' ? [(at - 1) / 3, (at - 1) % 3] : [at / 3, at % 3];
  return `${where === 'input' ? 'down' : 'up'}_blocks.${Math.floor(block)}.${inside(index)}`;
}

/** Places in diffusers, of layers of the authors, the other way round: parts of a layer that is fused from several. */
const reversed = (places: readonly Place[]): Place[] =>
  places.flatMap(({ name, layers }) =>
    layers.map((layer, index) => {
      const whole = `${MODEL}${name}`;
      return { name: layer, layers: [layers.length === 1 ? whole : part(whole, index + 1, layers.length)] };
    }),
  );

/** Diffusers has the two halves of the last norm in the other order. */
const swapped = (path: string): string[] => [part(MODEL + path, 2, 2), part(MODEL + path, 1, 2)];

const OUTSIDE_FLUX: Block = {
  img_in: ['x_embedder'],
  txt_in: ['context_embedder'],
  'time_in.in_layer': ['time_text_embed.timestep_embedder.linear_1'],
  'time_in.out_layer': ['time_text_embed.timestep_embedder.linear_2'],
  'vector_in.in_layer': ['time_text_embed.text_embedder.linear_1'],
  'vector_in.out_layer': ['time_text_embed.text_embedder.linear_2'],
  'guidance_in.in_layer': ['time_text_embed.guidance_embedder.linear_1'],
  'guidance_in.out_layer': ['time_text_embed.guidance_embedder.linear_2'],
  'final_layer.linear': ['proj_out'],
};

/** linear1 of a single block: q, k, v, and four parts of the perceptron. */
const linear1 = (block: number): Place[] => {
  const parts = [1, 2, 3, 4, 5, 6, 7].map((index) =>
    part(`${MODEL}single_blocks.${block}.linear1`, index, 7),
  );
  const ours = `transformer.single_transformer_blocks.${block}.`;
  return [
    ...['to_q', 'to_k', 'to_v'].map((name, index) => ({
      name: `${ours}attn.${name}`,
      layers: [parts[index]!],
    })),
    { name: `${ours}proj_mlp`, layers: parts.slice(3) },
  ];
};

const SD3_BLOCK: Block = {
  'x_block.attn.qkv': ['attn.to_q', 'attn.to_k', 'attn.to_v'],
  'x_block.attn.proj': ['attn.to_out.0'],
  'x_block.mlp.fc1': ['ff.net.0.proj'],
  'x_block.mlp.fc2': ['ff.net.2'],
  'x_block.adaLN_modulation.1': ['norm1.linear'],
  'context_block.attn.qkv': ['attn.add_q_proj', 'attn.add_k_proj', 'attn.add_v_proj'],
  'context_block.attn.proj': ['attn.to_add_out'],
  'context_block.mlp.fc1': ['ff_context.net.0.proj'],
  'context_block.mlp.fc2': ['ff_context.net.2'],
  'context_block.adaLN_modulation.1': ['norm1_context.linear'],
};
const OUTSIDE_SD3: Block = {
  context_embedder: ['context_embedder'],
  't_embedder.mlp.0': ['time_text_embed.timestep_embedder.linear_1'],
  't_embedder.mlp.2': ['time_text_embed.timestep_embedder.linear_2'],
  'y_embedder.mlp.0': ['time_text_embed.text_embedder.linear_1'],
  'y_embedder.mlp.2': ['time_text_embed.text_embedder.linear_2'],
  'x_embedder.proj': ['pos_embed.proj'],
  'final_layer.linear': ['proj_out'],
};

/** With the text encoders. */
const transformerAsDiffusers =
  (places: readonly Place[]): Naming =>
  (layers) => [...places, ...naming(() => null, OF_DIFFUSERS, false)(layers)];

export const fluxAsDiffusers = transformerAsDiffusers([
  ...reversed([
    ...blocks(1, 'transformer.', '', OUTSIDE_FLUX),
    ...blocks(2, 'transformer.transformer_blocks.#.', 'double_blocks.#.', FLUX_DOUBLE),
    ...blocks(2, 'transformer.single_transformer_blocks.#.', 'single_blocks.#.', FLUX_SINGLE),
  ]),
  ...linear1(0),
  ...linear1(1),
  { name: 'transformer.norm_out.linear', layers: swapped('final_layer.adaLN_modulation.1') },
]);

const LAST_OF_SD3 = /^transformer_blocks\.1\.(?:attn\.to_add_out|ff_context|norm1_context)/;

/** The context ends in the last block, whose norm is like the one at the end. */
export const sd3AsDiffusers = transformerAsDiffusers([
  ...reversed([
    ...blocks(1, 'transformer.', '', OUTSIDE_SD3),
    ...blocks(2, 'transformer.transformer_blocks.#.', 'joint_blocks.#.', SD3_BLOCK),
  ]).filter(({ name }) => !LAST_OF_SD3.test(name.replace('transformer.', ''))),
  {
    name: 'transformer.transformer_blocks.1.norm1_context.linear',
    layers: swapped('joint_blocks.1.context_block.adaLN_modulation.1'),
  },
  { name: 'transformer.norm_out.linear', layers: swapped('final_layer.adaLN_modulation.1') },
]);

/** Names that ComfyUI has no map for. */
export const wanAsDiffusers: Naming = () => reversed(blocks(2, 'transformer.blocks.#.', 'blocks.#.', WAN));
export const hunyuanVideoAsDiffusers: Naming = () =>
  reversed(blocks(2, 'transformer.transformer_blocks.#.', 'double_blocks.#.', FLUX_DOUBLE));

/** The oldest names of diffusers, for the projections of attention. */
export const unetBeforePeft: Naming = (layers) =>
  unetAsDiffusers(layers)
    .filter(({ name }) => /^unet\..*\.attn\d\.to_/.test(name))
    .map((place) => ({
      ...place,
      name: place.name.replace('.to_', '.processor.to_').replace('.to_out.0', '.to_out'),
    }));

/** HunyuanVideo as diffusion-pipe names it. */
export const hunyuanVideoOfPipe: Naming = (layers) =>
  underTransformer(layers).map((place) => ({
    ...place,
    name: `${place.name}.`
      .replace(/_mod\.lin\.|\.modulation\.lin\./, (mod) => mod.replace('.lin.', '.linear.'))
      .replace(/_attn\.(qkv|proj)\./, '_attn_$1.')
      .replace('mlp.0.', 'mlp.fc1.')
      .replace('mlp.2.', 'mlp.fc2.')
      .slice(0, -1),
  }));

export const fluxAsXlabs: Naming = () =>
  XLABS_BLOCKS.map(({ name }) => ({ name, layers: [xlabsLayer(name)] }));
const xlabsLayer = (name: string): string =>
  MODEL +
  name.replace(/processor\.(qkv|proj)_lora([12])$/, (_, one: string, which: string) =>
    which === '1' ? `img_attn.${one}` : `txt_attn.${one}`,
  );
