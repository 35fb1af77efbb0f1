import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { frobenius, type Matrix, matrix, multiply, scaled } from '../../oracle/linear-algebra.ts';
import {
  buildSafetensors,
  decodeTensor,
  parseSafetensors,
  readSafetensors,
  type Tensor,
  tensorMatrix,
} from '../../oracle/safetensors.ts';
import { computeFixture } from '../../squeeze/compute-fixture.ts';
import { squeezeBytes } from '../squeezing-files.ts';
import { adapterOf, pair, type Tensors, zerosOf } from './build.ts';
import { parseKohyaAdapter } from './kohya-oracle.ts';
import {
  hadamard,
  kron,
  type Numbers,
  product,
  randomNumbers,
  tensorOf,
  tucker,
  whole,
} from './lycoris-oracle.ts';
import { type UnetModule, unetModules } from './unet-modules.ts';

const compute = computeFixture();

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A way in which a trainer stores the update of a layer; null if it has no such form for the layer. */
interface Writing {
  readonly shapes: (module: UnetModule) => Shapes | null;
  readonly update: (tensor: (name: string) => Numbers, module: UnetModule) => Matrix;
}

const R = 2;

/** LyCORIS, `factorization`: two factors as close to each other as possible, the smaller first. */
function factors(size: number): readonly [number, number] {
  let small = Math.floor(Math.sqrt(size));
  while (size % small !== 0) small--;
  return [small, size / small];
}
const area = (kernel: readonly number[]): number => kernel.reduce((size, side) => size * side, 1);
const pairs = (t: (name: string) => Numbers, algorithm: string, which: string): Matrix =>
  product(t(`${algorithm}_${which}_a`), t(`${algorithm}_${which}_b`));

const WRITINGS: Readonly<Record<string, Writing>> = {
  'LoRA (lycoris/modules/locon.py)': {
    shapes: ({ kernel, channels }) => ({
      'lora_down.weight': [R, channels.in, ...kernel],
      'lora_up.weight': [channels.out, R, ...kernel.map(() => 1)],
    }),
    update: (t) => product(t('lora_up.weight'), t('lora_down.weight')),
  },
  'LoHa (lycoris/modules/loha.py)': {
    shapes: ({ kernel, channels }) => ({
      hada_w1_a: [channels.out, R],
      hada_w1_b: [R, channels.in * area(kernel)],
      hada_w2_a: [channels.out, R],
      hada_w2_b: [R, channels.in * area(kernel)],
    }),
    update: (t) => hadamard(pairs(t, 'hada', 'w1'), pairs(t, 'hada', 'w2')),
  },
  'LoHa with cores': {
    shapes: ({ kernel, channels }) =>
      area(kernel) === 1
        ? null
        : {
            hada_w1_a: [R, channels.out],
            hada_w1_b: [R, channels.in],
            hada_w2_a: [R, channels.out],
            hada_w2_b: [R, channels.in],
            hada_t1: [R, R, ...kernel],
            hada_t2: [R, R, ...kernel],
          },
    update: (t) =>
      hadamard(
        tucker(t('hada_t1'), t('hada_w1_a'), t('hada_w1_b')),
        tucker(t('hada_t2'), t('hada_w2_a'), t('hada_w2_b')),
      ),
  },
  // The kernel's first side is multiplied with the first factor of the inputs, its second side with the
  // other: 2880 = (20·3)·(16·3).
  'LoKr of early LyCORIS (3e64b457, lycoris/lokr.py)': {
    shapes: ({ kernel, channels }) => {
      const [out, inputs] = [factors(channels.out), factors(channels.in)];
      return {
        lokr_w1_a: [out[0], R],
        lokr_w1_b: [R, inputs[0] * (kernel[0] ?? 1)],
        lokr_w2_a: [out[1], R],
        lokr_w2_b: [R, inputs[1] * (kernel[1] ?? 1)],
      };
    },
    update: (t) => kron(pairs(t, 'lokr', 'w1'), pairs(t, 'lokr', 'w2')),
  },
  'LoKr (lycoris/modules/lokr.py)': {
    shapes: ({ kernel, channels }) => {
      const [out, inputs] = [factors(channels.out), factors(channels.in)];
      return {
        lokr_w1: [out[0], inputs[0]],
        lokr_w2_a: [out[1], R],
        lokr_w2_b: [R, inputs[1] * area(kernel)],
      };
    },
    update: (t) => kron(whole(t('lokr_w1')), pairs(t, 'lokr', 'w2')),
  },
  'LoKr of whole matrices': {
    shapes: ({ kernel, channels }) => {
      const [out, inputs] = [factors(channels.out), factors(channels.in)];
      return { lokr_w1: [out[0], inputs[0]], lokr_w2: [out[1], inputs[1], ...kernel] };
    },
    update: (t) => kron(whole(t('lokr_w1')), whole(t('lokr_w2'))),
  },
  'LoKr with a core': {
    shapes: ({ kernel, channels }) => {
      const [out, inputs] = [factors(channels.out), factors(channels.in)];
      return area(kernel) === 1
        ? null
        : {
            lokr_w1: [out[0], inputs[0]],
            lokr_t2: [R, R, ...kernel],
            lokr_w2_a: [R, out[1]],
            lokr_w2_b: [R, inputs[1]],
          };
    },
    update: (t) => kron(whole(t('lokr_w1')), tucker(t('lokr_t2'), t('lokr_w2_a'), t('lokr_w2_b'))),
  },
  'whole differences (lycoris/modules/full.py)': {
    shapes: ({ kernel, channels }) => ({ diff: [channels.out, channels.in, ...kernel] }),
    update: (t) => whole(t('diff')),
  },
};

/**
 * Modules of a UNet that is as small as possible, except for the width of the text, which identifies the
 * family.
 */
const MODULES = unetModules(4, 768, false);
const flat = (path: string): string => `lora_unet_${path.replaceAll('.', '_')}`;

/** The modules as a trainer stores them in the given way, or as LoRA if there is no such form. */
function fileOf(writing: Writing, modules: readonly UnetModule[]) {
  const tensors: Record<string, Tensor> = {};
  const wanted = new Map<string, Matrix>();
  for (const [index, module] of modules.entries()) {
    const own = writing.shapes(module);
    const { update } = own ? writing : WRITINGS['LoRA (lycoris/modules/locon.py)']!;
    const shapes = own ?? WRITINGS['LoRA (lycoris/modules/locon.py)']!.shapes(module)!;
    const numbers = new Map(
      Object.entries(shapes).map(([name, shape], at) => [name, randomNumbers(shape, 100 * index + at)]),
    );
    for (const [name, one] of numbers) tensors[`${flat(module.path)}.${name}`] = tensorOf(one);
    wanted.set(
      module.path,
      update((name) => numbers.get(name)!, module),
    );
  }
  return { tensors, wanted };
}

const shapesOf = ({ kernel, channels }: UnetModule, rank: number) => ({
  a: [rank, channels.in, ...kernel],
  b: [channels.out, rank, ...kernel.map(() => 1)],
});

/** The factors of a written file have the shapes of their layers, and their scaled product is the update. */
function check(
  file: Uint8Array,
  names: (path: string) => readonly [string, string],
  wanted: ReadonlyMap<string, Matrix>,
) {
  const { tensors } = parseSafetensors(file);
  for (const module of MODULES) {
    const update = wanted.get(module.path);
    if (!update) continue;
    const [a, b] = names(module.path).map((name) => tensors.get(name)!) as [Tensor, Tensor];
    const rank = a.shape[0]!;
    assert.deepEqual({ a: a.shape, b: b.shape }, shapesOf(module, rank), module.path);
    const alpha = tensors.get(names(module.path)[0].replace(/\.lora_\w+\.weight$/, '.alpha'));
    const scale = alpha ? decodeTensor(alpha)[0]! / rank : 1;
    const made = scaled(multiply(tensorMatrix(b), tensorMatrix(a)), scale);
    const difference = matrix(
      made.rows,
      made.columns,
      made.data.map((value, i) => value - update.data[i]!),
    );
    assert.ok(frobenius(difference) <= 2e-6 * frobenius(update), module.path);
  }
}

describe('layers of Stable Diffusion 1.5', () => {
  it('are the 282 of the model, 98 of them convolutions', () => {
    assert.equal(MODULES.length, 282);
    assert.equal(MODULES.filter(({ kernel }) => kernel.length > 0).length, 98);
  });

  // Attention is linear in every form, so a transformer of each size suffices.
  const some = MODULES.filter(
    ({ path, kernel }) =>
      kernel.length > 0 || !path.includes('transformer_blocks') || path.includes('mid_block'),
  );
  for (const [what, writing] of Object.entries(WRITINGS)) {
    it(`${what}: kohya and diffusers get the shapes of the layers, and the update`, async () => {
      const { tensors, wanted } = fileOf(writing, some);
      const source = { weights: buildSafetensors(tensors), config: null };
      // 1000 is above every rank, so that nothing is lost.
      const own = await squeezeBytes(compute.pool, source, { rank: 1000, dtype: 'float32' });
      const kohya = own ? own.weights : source.weights;
      check(kohya, (path) => [`${flat(path)}.lora_down.weight`, `${flat(path)}.lora_up.weight`], wanted);
      const diffusers = await squeezeBytes(compute.pool, source, { format: 'diffusers', dtype: 'float32' });
      check(
        diffusers!.weights,
        (path) => [`unet.${path}.lora_A.weight`, `unet.${path}.lora_B.weight`],
        wanted,
      );
    });
  }

  it('a real LoKr of early LyCORIS: shapes of the layers in both formats, and the update', async () => {
    const path = fileURLToPath(
      new URL(
        '../../fixtures/adapters/derived-lycoris-lokr-falcon/smart_falcon_4_lokr_cut.safetensors',
        import.meta.url,
      ),
    );
    const { tensors, metadata } = readSafetensors(path);
    const source = { weights: buildSafetensors(Object.fromEntries(tensors), metadata), config: null };
    const [real, squeezed] = [
      unetModules(320, 768, false),
      (await squeezeBytes(compute.pool, source, { rank: 16, dtype: 'float32' }))!,
    ];
    const { modules } = parseKohyaAdapter(squeezed.weights);
    assert.equal(modules.size, 16);
    const written = parseSafetensors(squeezed.weights).tensors;
    const diffusers = (await squeezeBytes(compute.pool, source, { rank: 4, format: 'diffusers' }))!;
    const converted = parseSafetensors(diffusers.weights).tensors;
    for (const module of real) {
      const name = flat(module.path);
      if (!tensors.has(`${name}.lokr_w1_a`)) continue;
      const [a, b] = [written.get(`${name}.lora_down.weight`)!, written.get(`${name}.lora_up.weight`)!];
      assert.deepEqual({ a: a.shape, b: b.shape }, shapesOf(module, 16), name);
      const half = {
        a: converted.get(`unet.${module.path}.lora_A.weight`)!.shape,
        b: converted.get(`unet.${module.path}.lora_B.weight`)!.shape,
      };
      assert.deepEqual(half, shapesOf(module, 4), module.path);
      const part = (which: string): Matrix => tensorMatrix(tensors.get(`${name}.lokr_${which}`)!);
      const wanted = kron(multiply(part('w1_a'), part('w1_b')), multiply(part('w2_a'), part('w2_b')));
      const made = multiply(tensorMatrix(b), tensorMatrix(a));
      const difference = { ...made, data: made.data.map((value, i) => value - wanted.data[i]!) };
      assert.ok(frobenius(difference) <= 2e-6 * frobenius(scaled(wanted, 1)), name);
    }
    assert.ok(squeezed.warnings.some((warning) => /Stable Diffusion 1/.test(warning)));
  });
});

/** The kinds and warnings that the reader returns for a LoHa of modules with these sizes. */
async function kindsOf(
  modules: Readonly<Record<string, readonly [m: number, n: number]>>,
  metadata: Readonly<Record<string, string>> = {},
  more: Tensors = {},
) {
  const tensors = Object.entries(modules).map(([name, [m, n]]) =>
    zerosOf(name, { hada_w1_a: [m, 2], hada_w1_b: [2, n], hada_w2_a: [m, 2], hada_w2_b: [2, n] }),
  );
  const adapter = await adapterOf(Object.assign({}, more, ...tensors), metadata);
  return {
    kernels: Object.fromEntries(adapter.modules.map(({ name, a }) => [name, a.shape.slice(2).join('×')])),
    shapes: Object.fromEntries(adapter.modules.map(({ name, a, b }) => [name, [a.shape, b.shape]])),
    warnings: adapter.warnings.slice(1),
  };
}

const PROJ = 'lora_unet_down_blocks_0_attentions_0_proj_in';
const KEYS = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k';

describe('the kind of a layer that its tensors do not show', () => {
  it('is linear in all layers of Stable Diffusion 2 in LoHa, including its projections', async () => {
    const modules = unetModules(4, 1024, true);
    const { kernels } = await kindsOf(
      Object.fromEntries(
        modules.map(({ path, kernel, channels }) => [
          flat(path),
          [channels.out, channels.in * area(kernel)] as const,
        ]),
      ),
    );
    assert.deepEqual(
      kernels,
      Object.fromEntries(modules.map(({ path, kernel }) => [flat(path), kernel.join('×')])),
    );
  });

  it('is found by the names of the original UNet, which files for XL have', async () => {
    const { kernels } = await kindsOf({
      lora_unet_input_blocks_0_0: [8, 36],
      lora_unet_input_blocks_3_0_op: [8, 72],
      lora_unet_input_blocks_4_0_in_layers_2: [8, 72],
      lora_unet_input_blocks_4_0_out_layers_3: [8, 72],
      lora_unet_input_blocks_4_0_emb_layers_1: [8, 72],
      lora_unet_input_blocks_4_0_skip_connection: [8, 72],
      lora_unet_input_blocks_4_1_proj_in: [8, 8],
      lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_k: [8, 2048],
      lora_unet_output_blocks_2_2_conv: [8, 72],
      lora_unet_label_emb_0_0: [8, 72],
      lora_unet_out_2: [4, 72],
      lora_te1_text_model_encoder_layers_0_mlp_fc1: [8, 72],
    });
    const conv = new Set(['3×3', '1×1']);
    assert.deepEqual(Object.fromEntries(Object.entries(kernels).filter(([, kernel]) => conv.has(kernel))), {
      lora_unet_input_blocks_0_0: '3×3',
      lora_unet_input_blocks_3_0_op: '3×3',
      lora_unet_input_blocks_4_0_in_layers_2: '3×3',
      lora_unet_input_blocks_4_0_out_layers_3: '3×3',
      lora_unet_input_blocks_4_0_skip_connection: '1×1',
      lora_unet_output_blocks_2_2_conv: '3×3',
      lora_unet_out_2: '3×3',
    });
  });

  it('of proj_in and proj_out is found by other shapes, the text, layers of XL only, or the metadata, with a warning', async () => {
    const signs: readonly (readonly [kernel: string, because: RegExp, ...Parameters<typeof kindsOf>])[] = [
      ['1×1', /768 numbers, as in Stable Diffusion 1/, { [PROJ]: [8, 8], [KEYS]: [8, 768] }],
      ['', /1024 numbers, as in Stable Diffusion 2/, { [PROJ]: [8, 8], [KEYS]: [8, 1024] }],
      ['', /2048 numbers/, { [PROJ]: [8, 8], [KEYS]: [8, 2048] }],
      [
        '',
        /only Stable Diffusion XL/,
        { [PROJ]: [8, 8], [`${PROJ.slice(0, -7)}transformer_blocks_3_ff_net_2`]: [8, 8] },
      ],
      ['1×1', /"sd_v1" as ss_base_model_version/, { [PROJ]: [8, 8] }, { ss_base_model_version: 'sd_v1' }],
      ['', /"sd_v2_v" as ss_base_model_version/, { [PROJ]: [8, 8] }, { ss_base_model_version: 'sd_v2_v' }],
      ['', /modelspec/, { [PROJ]: [8, 8] }, { 'modelspec.architecture': 'stable-diffusion-xl-v1-base/lora' }],
      [
        '1×1',
        /"lora_unet_mid_block_attentions_0_proj_in", a layer of the same kind, have such shapes/,
        { [PROJ]: [8, 8] },
        { ss_base_model_version: 'sd_v2' },
        pair('lora_unet_mid_block_attentions_0_proj_in', 2, { kernel: [1, 1] }),
      ],
    ];
    for (const [kernel, because, ...given] of signs) {
      const { kernels, warnings } = await kindsOf(...given);
      assert.equal(kernels[PROJ], kernel, String(because));
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, because);
      assert.match(
        warnings[0]!,
        kernel === '' ? /treated as linear layers/ : /treated as 1 × 1 convolutions/,
      );
    }
    const { kernels, warnings } = await kindsOf({ [PROJ]: [8, 8] });
    assert.equal(kernels[PROJ], '');
    assert.match(warnings[0]!, /nor anything else in this file shows which .* are treated as linear/);
    assert.ok(warnings[0]!.includes(PROJ));
  });

  it('also applies to magnitudes of DoRA, which have as many dimensions as the weight', async () => {
    const conv = { [`${PROJ}.dora_scale`]: zerosOf('x', { y: [8, 1, 1, 1] })['x.y']! };
    assert.equal((await kindsOf({ [PROJ]: [8, 8] }, {}, conv)).kernels[PROJ], '1×1');
    const linear = { 'lora_unet_x.dora_scale': zerosOf('x', { y: [8, 1] })['x.y']! };
    assert.deepEqual((await kindsOf({ lora_unet_x: [8, 8] }, {}, linear)).warnings.length, 1);
  });

  it('is unknown for an invented network: squeezed as matrices, with a warning that names a few and counts the rest', async () => {
    const { shapes, warnings } = await kindsOf(
      Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`lycoris_stem_${i}_mixer`, [8, 9] as const])),
    );
    assert.deepEqual(shapes.lycoris_stem_0_mixer, [
      [4, 9],
      [8, 4],
    ]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /8 modules do not show whether .*"lycoris_stem_0_mixer".* and 3 more/);
  });

  it('is linear, with a warning, if a size does not fit the kernel of the name', async () => {
    const name = 'lora_unet_mid_block_resnets_0_conv1';
    const { kernels, warnings } = await kindsOf({ [name]: [8, 28] });
    assert.equal(kernels[name], '');
    assert.match(
      warnings[0]!,
      /the sizes do not fit such a kernel \("lora_unet_mid_block_resnets_0_conv1"\)/,
    );
  });

  it('is linear for transformers and text encoders, without a warning', async () => {
    const { kernels, warnings } = await kindsOf({
      lora_te3_encoder_block_0_layer_0_SelfAttention_q: [8, 9],
      // Flux, Stable Diffusion 3, HunyuanVideo and Wan, with the names of their authors.
      lora_unet_double_blocks_0_img_attn_qkv: [8, 9],
      lora_unet_double_blocks_12_txt_mod_lin: [8, 9],
      lora_unet_final_layer_adaLN_modulation_1: [8, 9],
      lora_unet_joint_blocks_3_context_block_mlp_fc1: [8, 9],
      lora_unet_joint_blocks_3_x_block_attn2_proj: [8, 9],
      lora_unet_double_blocks_0_img_attn_proj: [8, 9],
      lora_unet_txt_in_individual_token_refiner_blocks_1_mlp_fc2: [8, 9],
      lora_unet_blocks_0_cross_attn_k_img: [8, 9],
      lora_unet_blocks_29_ffn_2: [8, 9],
      lora_unet_time_projection_1: [8, 9],
      // The same, Qwen-Image, LTX and Lumina with those of diffusers.
      lycoris_transformer_blocks_0_attn_to_q: [8, 9],
      'transformer.single_transformer_blocks.0.proj_mlp': [8, 9],
      'transformer.transformer_blocks.0.attn.add_k_proj': [8, 9],
      'transformer.transformer_blocks.0.img_mod.1': [8, 9],
      'transformer.transformer_blocks.0.txt_mlp.net.0.proj': [8, 9],
      'transformer.transformer_blocks.0.attn2.to_out.0': [8, 9],
      'transformer.blocks.0.attn1.to_q': [8, 9],
      'transformer.blocks.0.ffn.net.0.proj': [8, 9],
      'diffusion_model.layers.7.feed_forward.w3': [8, 9],
    });
    assert.deepEqual([...new Set(Object.values(kernels))], ['']);
    assert.deepEqual(warnings, []);
  });

  it('is a convolution for layers that cut images and videos into patches', async () => {
    const { kernels, warnings } = await kindsOf({
      lora_unet_patch_embedding: [8, 16],
      lora_unet_img_in_proj: [8, 16],
      'transformer.pos_embed.proj': [8, 16],
    });
    assert.deepEqual(kernels, {
      lora_unet_patch_embedding: '1×2×2',
      lora_unet_img_in_proj: '1×2×2',
      'transformer.pos_embed.proj': '2×2',
    });
    assert.match(
      warnings[0]!,
      /3 convolutions are flattened .* 2 with the kernel 1 × 2 × 2 .* 1 with the kernel 2 × 2 /,
    );
  });

  it('is reported for a layer that the model of a known block does not have', async () => {
    const { kernels, warnings } = await kindsOf({
      lora_unet_double_blocks_0_img_attn_qkv: [8, 9],
      lora_unet_double_blocks_0_img_mixer: [8, 9],
      lora_unet_blocks_0_self_attn_gate: [8, 9],
    });
    assert.deepEqual([...new Set(Object.values(kernels))], ['']);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0]!,
      /2 modules do not show .*"lora_unet_blocks_0_self_attn_gate", "lora_unet_double_blocks_0_img_mixer"/,
    );
  });

  it('is restored for LoRA that another program flattened, in kohya and in diffusers', async () => {
    const name = 'lora_unet_down_blocks_0_resnets_0_conv1';
    const adapter = await adapterOf(pair(name, 2, { m: 8, n: 18 }));
    const { a, b, kind } = adapter.modules[0]!;
    assert.deepEqual([a.shape, b.shape, kind], [[2, 2, 3, 3], [8, 2, 1, 1], 'conv']);
    assert.match(adapter.warnings[0]!, /1 convolution is flattened .* 1 with the kernel 3 × 3 /);
    const source = buildSafetensors({
      'unet.down_blocks.0.resnets.0.conv1.lora_A.weight': tensorOf(randomNumbers([4, 18], 1)),
      'unet.down_blocks.0.resnets.0.conv1.lora_B.weight': tensorOf(randomNumbers([8, 4], 2)),
    });
    const result = await squeezeBytes(compute.pool, { weights: source, config: null }, { rank: 2 });
    const { tensors } = parseSafetensors(result!.weights);
    assert.deepEqual([...tensors.values()].map(({ shape }) => shape).sort(), [
      [2, 2, 3, 3],
      [8, 2, 1, 1],
    ]);
  });
});
