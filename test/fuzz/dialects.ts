import type { Site, TensorSpec } from './generated-files.ts';

/** How a format stores a module, as far as its reader knows it. Independent of src/formats. */
export type Dialect = (site: Site) => readonly TensorSpec[];

const two = (a: string, b: string, { rank, m, n, dtype }: Site): TensorSpec[] => [
  { name: a, dtype, shape: [rank, n] },
  { name: b, dtype, shape: [m, rank] },
];
const pick = (list: readonly string[], index: number): string => list[index % list.length]!;

const LLM = [
  'model.layers.0.self_attn.q_proj',
  'model.layers.0.mlp.up_proj',
  'model.embed_tokens',
  'lm_head',
  'h.1.attn.c_attn',
  'x',
];
const UNET = [
  'down_blocks_0_attentions_0_proj_in',
  'mid_block_attentions_0_proj',
  'up_blocks_1_conv',
  'single_blocks_3_linear1',
  'a',
  'b_c',
];
const DIFFUSERS = [
  'down_blocks.0.attn.to_q',
  'mid_block.proj_in',
  'up_blocks.1.conv',
  'transformer_blocks.0.attn.to_k',
  'x.y',
  'h.0.attn',
];

export const peft: Dialect = (site) => {
  const path = `base_model.model.${pick(LLM, site.path)}`;
  if (site.style === 5) {
    const { rank, m, n, dtype } = site;
    return [
      { name: `${path}.lora_embedding_A`, dtype, shape: [rank, n] },
      { name: `${path}.lora_embedding_B`, dtype, shape: [m, rank] },
    ];
  }
  const pair = two(`${path}.lora_A.weight`, `${path}.lora_B.weight`, site);
  if (site.style === 6)
    return [...pair, { name: `${path}.lora_magnitude_vector`, dtype: 'F32', shape: [site.m] }];
  if (site.style === 7) return [...pair, { name: `${path}.lora_B.bias`, dtype: 'F32', shape: [site.m] }];
  return pair;
};

const peftPart =
  ({ path, dtype }: Site) =>
  (part: string, shape: number[]): TensorSpec => ({
    name: `base_model.model.${pick(LLM, path)}.${part}`,
    dtype,
    shape,
  });

export const loha: Dialect = (site) => {
  const { rank, m, n, kernel } = site;
  const of = peftPart(site);
  if (kernel > 1)
    return ['w1', 'w2'].flatMap((side) => [
      of(`hada_${side}_a`, [rank, m]),
      of(`hada_${side}_b`, [rank, n]),
      of(side.replace('w', 'hada_t'), [rank, rank, kernel, kernel]),
    ]);
  return ['w1', 'w2'].flatMap((side) => [of(`hada_${side}_a`, [m, rank]), of(`hada_${side}_b`, [rank, n])]);
};

export const lokr: Dialect = (site) => {
  const { rank, m, n, style } = site;
  const of = peftPart(site);
  const whole = (side: string) => [of(`lokr_${side}`, [m, n])];
  const product = (side: string) => [of(`lokr_${side}_a`, [m, rank]), of(`lokr_${side}_b`, [rank, n])];
  return [...(style % 2 ? whole('w1') : product('w1')), ...(style < 4 ? whole('w2') : product('w2'))];
};

export const adalora: Dialect = (site) => {
  const { rank, m, n } = site;
  const of = peftPart(site);
  return [of('lora_A', [rank, n]), of('lora_B', [m, rank]), of('lora_E', [rank, 1])];
};

export const kohya: Dialect = ({ path, style, rank, m, n, kernel, dtype }) => {
  const name = `${pick(['lora_unet', 'lora_te', 'lycoris', 'lora_te2'], path + style)}_${pick(UNET, path)}`;
  const of = (part: string, shape: number[]): TensorSpec => ({ name: `${name}.${part}`, dtype, shape });
  const alpha = of('alpha', style % 2 === 0 ? [] : [1]);
  const k = kernel === 1 ? [] : [kernel, kernel];
  switch (style) {
    case 4:
      return [
        of('hada_w1_a', [m, rank]),
        of('hada_w1_b', [rank, n]),
        of('hada_w2_a', [m, rank]),
        of('hada_w2_b', [rank, n]),
        alpha,
      ];
    case 5:
      return [of('lokr_w1', [m, n]), of('lokr_w2_a', [2, rank]), of('lokr_w2_b', [rank, 3]), alpha];
    case 6:
      return [of('diff', [m, n, ...k]), of('diff_b', [m])];
    case 7:
      return [
        of('lora_down.weight', [rank, n, 1, 1]),
        of('lora_mid.weight', [rank, rank, kernel, kernel]),
        of('lora_up.weight', [m, rank, 1, 1]),
        alpha,
      ];
    case 3:
      return [of('lora_down.weight', [rank, n]), of('lora_up.weight', [m, rank]), of('dora_scale', [m, 1])];
    default:
      return [
        of('lora_down.weight', [rank, n, ...k]),
        of('lora_up.weight', [m, rank, ...k.map(() => 1)]),
        alpha,
      ];
  }
};

export const diffusers: Dialect = (site) => {
  const path = `${pick(['unet.', 'transformer.', 'text_encoder.', ''], site.style)}${pick(DIFFUSERS, site.path)}`;
  if (site.style < 3) return two(`${path}.lora_A.weight`, `${path}.lora_B.weight`, site);
  if (site.style < 5) return two(`${path}.lora.down.weight`, `${path}.lora.up.weight`, site);
  if (site.style < 7)
    return two(`${path}.processor.to_q_lora.down.weight`, `${path}.processor.to_q_lora.up.weight`, site);
  return [
    ...two(`${path}.lora_linear_layer.down.weight`, `${path}.lora_linear_layer.up.weight`, site),
    { name: `${path}.alpha`, dtype: 'F32', shape: [] },
  ];
};

export const xlabs: Dialect = (site) => {
  const name = `${pick(['double_blocks', 'single_blocks'], site.style)}.${site.path}.processor.${pick(['qkv_lora1', 'proj_lora2', 'qkv_lora'], site.path)}`;
  return two(`${name}.down.weight`, `${name}.up.weight`, site);
};

export const cloneofsimo: Dialect = (site) => {
  const name = `${pick(['unet', 'text_encoder'], site.style)}:${site.path}`;
  return two(`${name}:down`, `${name}:up`, site);
};

/** MLX stores its factors transposed: [in, rank] and [rank, out]. */
export const mlx: Dialect = ({ path, style, rank, m, n, dtype }) => {
  const name = pick(LLM, path);
  const experts = style === 7 ? [2] : [];
  return [
    { name: `${name}.lora_a`, dtype, shape: style === 7 ? [...experts, rank, n] : [n, rank] },
    { name: `${name}.lora_b`, dtype, shape: style === 7 ? [...experts, m, rank] : [rank, m] },
    ...(style === 6 ? [{ name: `${name}.m`, dtype, shape: [m] }] : []),
  ];
};
