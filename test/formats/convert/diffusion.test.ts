import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { convertAdapter } from '../../../src/formats/convert/convert-adapter.ts';
import { buildAdapter, entry } from './build-adapter.ts';
import { refuses } from './refusal.ts';

const Q = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const FLAT_Q = 'down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';
const TEXT = 'text_model.encoder.layers.0.self_attn.q_proj';
const FLAT_TEXT = 'text_model_encoder_layers_0_self_attn_q_proj';

const namesOf = ({ modules }: ReturnType<typeof convertAdapter>): string[] => modules.map(({ name }) => name);

describe('PEFT to diffusers and kohya', () => {
  it('puts the component that the names show before the path', () => {
    const components: readonly [path: string, prefix: string, kohya: string][] = [
      [Q, 'unet', 'lora_unet_'],
      ['mid_block.attentions.0.proj_in', 'unet', 'lora_unet_'],
      ['single_transformer_blocks.3.attn.to_q', 'transformer', 'lora_transformer_'],
      ['transformer_blocks.3.ff.net.0.proj', 'transformer', 'lora_transformer_'],
      [TEXT, 'text_encoder', 'lora_te_'],
    ];
    for (const [path, prefix, kohya] of components) {
      const [diffusers] = convertAdapter(buildAdapter('peft', [path]), 'diffusers', {}).modules;
      assert.equal(diffusers!.name, `${prefix}.${path}`);
      assert.equal(diffusers!.a.name, `${prefix}.${path}.lora_A.weight`);
      assert.equal(diffusers!.b.name, `${prefix}.${path}.lora_B.weight`);
      assert.equal(diffusers!.alpha, undefined);
      const [flat] = convertAdapter(buildAdapter('peft', [path]), 'kohya', {}).modules;
      const base = `${kohya}${path.replaceAll('.', '_')}`;
      assert.equal(flat!.name, base);
      assert.equal(flat!.a.name, `${base}.lora_down.weight`);
      assert.equal(flat!.b.name, `${base}.lora_up.weight`);
      assert.deepEqual(flat!.alpha, { name: `${base}.alpha`, dtype: 'F32', shape: [] });
    }
  });

  it('uses the component that the target specifies', () => {
    const [module] = convertAdapter(buildAdapter('peft', [TEXT]), 'kohya', {
      component: 'text_encoder_2',
    }).modules;
    assert.equal(module!.name, `lora_te2_${FLAT_TEXT}`);
    const odd = buildAdapter('peft', ['blocks.0.q']);
    assert.deepEqual(namesOf(convertAdapter(odd, 'diffusers', { component: 'transformer' })), [
      'transformer.blocks.0.q',
    ]);
  });

  it('states that the component is required if the names do not show it', () => {
    const odd = buildAdapter('peft', ['stages.0.blocks.0.mlp.fc1']);
    for (const to of ['diffusers', 'kohya'] as const)
      refuses(() => convertAdapter(odd, to, {}), /needs format_options\.component.*stages\.0/, 'component');
    const language = buildAdapter('peft', ['model.layers.0.self_attn.q_proj']);
    refuses(() => convertAdapter(language, 'kohya', {}), /format_options\.component/, 'component');
  });

  it('keeps convolutions as they are', () => {
    const source = buildAdapter('peft', [
      { name: 'down_blocks.0.resnets.0.conv1', kind: 'conv' },
      { name: 'down_blocks.0.downsamplers.0.conv', kind: 'conv' },
    ]);
    const kohya = convertAdapter(source, 'kohya', {});
    assert.deepEqual(namesOf(kohya), [
      'lora_unet_down_blocks_0_resnets_0_conv1',
      'lora_unet_down_blocks_0_downsamplers_0_conv',
    ]);
    assert.deepEqual(
      kohya.modules.map(({ a, b, kind, n }) => [a.shape, b.shape, kind, n]),
      source.modules.map(({ a, b, kind, n }) => [a.shape, b.shape, kind, n]),
    );
  });

  it('refuses embeddings and all tensors besides the factors', () => {
    const embedding = buildAdapter('peft', [
      { name: 'text_model.embeddings.token_embedding', kind: 'embedding' },
    ]);
    for (const to of ['diffusers', 'kohya'] as const)
      refuses(
        () => convertAdapter(embedding, to, {}),
        /is an embedding/,
        'text_model.embeddings.token_embedding',
      );
    const name = 'base_model.model.conv_out.weight';
    const source = buildAdapter('peft', [Q], { passthrough: [entry(name, [4, 320, 3, 3])] });
    refuses(() => convertAdapter(source, 'diffusers', {}), /not a LoRA factor/, name);
  });
});

describe('diffusers', () => {
  const both = [`unet.${Q}`, `text_encoder.${TEXT}`];

  it('to kohya distinguishes Stable Diffusion XL from 1 by its second encoder and its deeper attention', () => {
    assert.deepEqual(namesOf(convertAdapter(buildAdapter('diffusers', both), 'kohya', {})), [
      `lora_unet_${FLAT_Q}`,
      `lora_te_${FLAT_TEXT}`,
    ]);
    const second = [...both, `text_encoder_2.${TEXT}`];
    assert.deepEqual(namesOf(convertAdapter(buildAdapter('diffusers', second), 'kohya', {})), [
      `lora_unet_${FLAT_Q}`,
      `lora_te1_${FLAT_TEXT}`,
      `lora_te2_${FLAT_TEXT}`,
    ]);
    const deep = [
      `unet.${Q.replace('transformer_blocks.0', 'transformer_blocks.3')}`,
      `text_encoder.${TEXT}`,
    ];
    assert.equal(
      namesOf(convertAdapter(buildAdapter('diffusers', deep), 'kohya', {}))[1],
      `lora_te1_${FLAT_TEXT}`,
    );
  });

  it('to PEFT omits the component if there is only one', () => {
    const peft = convertAdapter(buildAdapter('diffusers', [both[0]!]), 'peft', { base_model: 'sd/1.5' });
    assert.equal(peft.modules[0]!.a.name, `base_model.model.${Q}.lora_A.weight`);
    assert.equal(peft.baseModel, 'sd/1.5');
    assert.deepEqual(peft.config, {
      alpha_pattern: {},
      auto_mapping: null,
      base_model_name_or_path: 'sd/1.5',
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      layer_replication: null,
      layers_pattern: null,
      layers_to_transform: null,
      lora_alpha: 8,
      lora_dropout: 0,
      modules_to_save: null,
      peft_type: 'LORA',
      r: 4,
      rank_pattern: {},
      revision: null,
      target_modules: [Q],
      task_type: null,
      use_dora: false,
      use_rslora: false,
    });
    refuses(
      () => convertAdapter(buildAdapter('diffusers', both), 'peft', {}),
      /belongs to one model/,
      both[1],
    );
    refuses(
      () => convertAdapter(buildAdapter('diffusers', [both[0]!]), 'peft', { component: 'text_encoder' }),
      /belongs to unet, but format_options\.component is text_encoder/,
      both[0],
    );
  });

  it('without prefixes belongs to the component that its names show', () => {
    assert.deepEqual(namesOf(convertAdapter(buildAdapter('diffusers', [Q]), 'kohya', {})), [
      `lora_unet_${FLAT_Q}`,
    ]);
  });

  it('of an original implementation goes to kohya with names as trainers flatten them, and warns', () => {
    const names = ['diffusion_model.blocks.0.self_attn.q'];
    const kohya = convertAdapter(buildAdapter('diffusers', names), 'kohya', {});
    assert.deepEqual(namesOf(kohya), ['lora_unet_blocks_0_self_attn_q']);
    assert.match(kohya.warnings[0]!, /original implementation/);
  });

  it('from kohya warns of programs that do not load it: only if a UNet has attention', () => {
    const warningsOf = (flat: string) =>
      convertAdapter(buildAdapter('kohya', [flat]), 'diffusers', {}).warnings.join();
    assert.match(warningsOf(`lora_unet_${FLAT_Q}`), /ComfyUI and Forge do not load the attention.*kohya/);
    assert.equal(warningsOf('lora_unet_down_blocks_0_resnets_0_conv1'), '');
    assert.equal(warningsOf(`lora_te1_${FLAT_TEXT}`), '');
    const flux = buildAdapter('kohya', ['lora_unet_double_blocks_0_img_attn_qkv']);
    assert.match(
      convertAdapter(flux, 'xlabs', {}).warnings.join(),
      /ComfyUI and Forge do not load this format.*kohya/,
    );
  });

  it('refuses what kohya has no names for', () => {
    const second = [
      'transformer_2.blocks.0.attn1.to_q',
      'text_encoder_3.encoder.block.0.layer.0.SelfAttention.q',
    ];
    for (const name of [...second, 'text_encoder_2.encoder.block.0.layer.0.SelfAttention.q'])
      refuses(
        () => convertAdapter(buildAdapter('diffusers', [name]), 'kohya', {}),
        /kohya files have no name/,
        name,
      );
  });
});

describe('kohya to diffusers and PEFT', () => {
  const paths: readonly (readonly [flat: string, path: string])[] = [
    [`lora_unet_${FLAT_Q}`, `unet.${Q}`],
    ['lora_unet_mid_block_attentions_0_proj_out', 'unet.mid_block.attentions.0.proj_out'],
    [
      'lora_unet_up_blocks_11_attentions_2_transformer_blocks_10_attn2_to_out_0',
      'unet.up_blocks.11.attentions.2.transformer_blocks.10.attn2.to_out.0',
    ],
    [
      'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_ff_net_0_proj',
      'unet.down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj',
    ],
    [
      'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_ff_net_2',
      'unet.down_blocks.1.attentions.0.transformer_blocks.0.ff.net.2',
    ],
    ['lora_unet_down_blocks_0_resnets_1_time_emb_proj', 'unet.down_blocks.0.resnets.1.time_emb_proj'],
    ['lora_unet_up_blocks_0_upsamplers_0_conv', 'unet.up_blocks.0.upsamplers.0.conv'],
    ['lora_unet_time_embedding_linear_1', 'unet.time_embedding.linear_1'],
    ['lora_unet_conv_in', 'unet.conv_in'],
    [`lora_te1_${FLAT_TEXT}`, `text_encoder.${TEXT}`],
    ['lora_te2_text_model_encoder_layers_31_mlp_fc2', 'text_encoder_2.text_model.encoder.layers.31.mlp.fc2'],
    ['lora_te2_text_projection', 'text_encoder_2.text_projection'],
    [
      'lora_transformer_single_transformer_blocks_37_attn_to_v',
      'transformer.single_transformer_blocks.37.attn.to_v',
    ],
    [
      'lora_transformer_transformer_blocks_0_attn_add_k_proj',
      'transformer.transformer_blocks.0.attn.add_k_proj',
    ],
    [
      'lora_transformer_transformer_blocks_0_norm1_context_linear',
      'transformer.transformer_blocks.0.norm1_context.linear',
    ],
  ];

  it('restores paths, but only if flattening them gives the name again', () => {
    for (const [flat, path] of paths) {
      const [module] = convertAdapter(buildAdapter('kohya', [flat]), 'diffusers', {}).modules;
      assert.equal(module!.name, path);
      assert.equal(module!.a.name, `${path}.lora_A.weight`);
      assert.equal(module!.alpha, undefined, 'kohya has an alpha, this has none');
      assert.equal(
        flat.replace(/^lora_[a-z\d]+_/, ''),
        path.slice(path.indexOf('.') + 1).replaceAll('.', '_'),
      );
    }
  });

  it('reads the names of the original UNet', () => {
    const original: readonly (readonly [ldm: string, path: string])[] = [
      [
        'input_blocks_4_1_transformer_blocks_0_attn1_to_q',
        'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q',
      ],
      ['input_blocks_8_1_proj_in', 'down_blocks.2.attentions.1.proj_in'],
      ['input_blocks_3_0_op', 'down_blocks.0.downsamplers.0.conv'],
      ['input_blocks_1_0_in_layers_2', 'down_blocks.0.resnets.0.conv1'],
      ['input_blocks_5_0_out_layers_3', 'down_blocks.1.resnets.1.conv2'],
      ['input_blocks_4_0_skip_connection', 'down_blocks.1.resnets.0.conv_shortcut'],
      ['input_blocks_7_0_emb_layers_1', 'down_blocks.2.resnets.0.time_emb_proj'],
      ['middle_block_0_in_layers_2', 'mid_block.resnets.0.conv1'],
      [
        'middle_block_1_transformer_blocks_9_ff_net_2',
        'mid_block.attentions.0.transformer_blocks.9.ff.net.2',
      ],
      ['middle_block_2_out_layers_3', 'mid_block.resnets.1.conv2'],
      ['output_blocks_0_1_proj_out', 'up_blocks.0.attentions.0.proj_out'],
      [
        'output_blocks_5_1_transformer_blocks_1_attn2_to_v',
        'up_blocks.1.attentions.2.transformer_blocks.1.attn2.to_v',
      ],
      ['output_blocks_2_2_conv', 'up_blocks.0.upsamplers.0.conv'],
      ['output_blocks_8_0_skip_connection', 'up_blocks.2.resnets.2.conv_shortcut'],
      ['input_blocks_0_0', 'conv_in'],
      ['out_2', 'conv_out'],
      ['time_embed_2', 'time_embedding.linear_2'],
      ['label_emb_0_0', 'add_embedding.linear_1'],
    ];
    const source = buildAdapter(
      'kohya',
      original.map(([ldm]) => `lora_unet_${ldm}`),
    );
    assert.deepEqual(
      namesOf(convertAdapter(source, 'peft', {})),
      original.map(([, path]) => path),
    );
  });

  it('refuses names that correspond to no path', () => {
    const names = [
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn3_to_q',
      'lora_unet_down_blocks_x_attentions_0_proj_in',
      'lora_unet_input_blocks_3_0_in_layers_2',
      'lora_unet_input_blocks_0_1_proj_in',
      'lora_unet_input_blocks_4_2_proj_in',
      'lora_unet_middle_block_3_in_layers_2',
      'lora_unet_output_blocks_1_2_conv',
      'lora_unet_blocks_0_self_attn_q',
      'lora_te3_encoder_block_0_layer_0_SelfAttention_q',
      'lora_te_text_model_encoder_layers_0_self_attn_o_proj',
      'lora_prior_unet_down_blocks_0_attentions_0_to_q',
      'lycoris_down_blocks_0_attentions_0_proj_in',
      'lora_unet_',
      'lora_unet_constructor',
    ];
    for (const name of names)
      refuses(
        () => convertAdapter(buildAdapter('kohya', [name]), 'diffusers', {}),
        /cannot be turned back into a path/,
        name,
      );
  });

  it('refuses Flux with fused projections by name', () => {
    const name = 'lora_unet_double_blocks_0_img_attn_qkv';
    refuses(
      () => convertAdapter(buildAdapter('kohya', [name]), 'diffusers', {}),
      /q, k and v in one tensor/,
      name,
    );
    refuses(
      () => convertAdapter(buildAdapter('kohya', [name]), 'peft', {}),
      /q, k and v in one tensor/,
      name,
    );
  });

  it('refuses two names of one module', () => {
    const names = ['lora_unet_input_blocks_4_1_proj_in', 'lora_unet_down_blocks_1_attentions_0_proj_in'];
    refuses(
      () => convertAdapter(buildAdapter('kohya', names), 'peft', {}),
      /is the same module as "lora_unet_input/,
      names[1],
    );
  });

  it('refuses differences of norms and textual inversions by name', () => {
    const base = `lora_unet_${FLAT_Q}`;
    for (const name of [`${base}.diff_b`, 'bundle_emb.cat.string_to_param.*']) {
      const source = buildAdapter('kohya', [base], { passthrough: [entry(name, [32])] });
      refuses(() => convertAdapter(source, 'diffusers', {}), /not a LoRA factor/, name);
    }
  });
});

describe('DoRA of diffusion models', () => {
  const base = `lora_unet_${FLAT_Q}`;
  const dora = (shape: number[], kind: 'linear' | 'conv' = 'linear') =>
    buildAdapter('kohya', [{ name: base, kind }], { passthrough: [entry(`${base}.dora_scale`, shape)] });

  it('has its magnitudes along the outputs, in the shape of each format', () => {
    const peft = convertAdapter(dora([32, 1]), 'peft', {});
    assert.deepEqual(
      peft.passthrough.map(({ name, shape }) => [name, shape]),
      [[`base_model.model.${Q}.lora_magnitude_vector`, [32]]],
    );
    assert.equal(peft.config.use_dora, true);
    const kohya = convertAdapter(peft, 'kohya', {});
    assert.deepEqual(kohya.passthrough, [
      { ...peft.passthrough[0], name: `${base}.dora_scale`, shape: [32, 1] },
    ]);
    const diffusers = convertAdapter(peft, 'diffusers', {});
    assert.equal(diffusers.passthrough[0]!.name, `unet.${Q}.lora_magnitude_vector`);
  });

  it('of a convolution as well', () => {
    const peft = convertAdapter(dora([32, 1, 1, 1], 'conv'), 'peft', {});
    assert.deepEqual(peft.passthrough[0]!.shape, [1, 32, 1, 1]);
    const kohya = convertAdapter(peft, 'kohya', {});
    assert.deepEqual(kohya.passthrough[0]!.shape, [32, 1, 1, 1]);
  });

  it('is refused if it scales the inputs', () => {
    refuses(
      () => convertAdapter(dora([1, 16]), 'peft', {}),
      /\[1, 16\] for 32 outputs: it scales inputs/,
      `${base}.dora_scale`,
    );
  });

  it('keeps the bytes of renamed tensors', () => {
    const source = dora([32, 1]);
    const { passthrough, modules } = convertAdapter(source, 'diffusers', {});
    assert.equal(passthrough[0]!.beginByte, source.passthrough[0]!.beginByte);
    assert.equal(modules[0]!.a.beginByte, source.modules[0]!.a.beginByte);
    assert.equal(modules[0]!.b.endByte, source.modules[0]!.b.endByte);
  });
});

describe('biases of LoRA', () => {
  it('go from PEFT to diffusers and back, never to kohya', () => {
    const name = `base_model.model.${Q}.lora_B.bias`;
    const source = buildAdapter('peft', [Q], { passthrough: [entry(name, [32])], hasLoraBias: true });
    const diffusers = convertAdapter(source, 'diffusers', {});
    assert.equal(diffusers.passthrough[0]!.name, `unet.${Q}.lora_B.bias`);
    assert.equal(diffusers.hasLoraBias, true);
    const back = convertAdapter(diffusers, 'peft', {});
    assert.equal(back.passthrough[0]!.name, name);
    assert.equal(back.config.lora_bias, true);
    refuses(() => convertAdapter(source, 'kohya', {}), /a LoRA bias/, name);
  });
});

describe('XLabs', () => {
  const pairs: readonly (readonly [xlabs: string, kohya: string])[] = [
    ['double_blocks.0.processor.qkv_lora1', 'lora_unet_double_blocks_0_img_attn_qkv'],
    ['double_blocks.0.processor.proj_lora1', 'lora_unet_double_blocks_0_img_attn_proj'],
    ['double_blocks.18.processor.qkv_lora2', 'lora_unet_double_blocks_18_txt_attn_qkv'],
    ['double_blocks.18.processor.proj_lora2', 'lora_unet_double_blocks_18_txt_attn_proj'],
  ];
  const [xlabs, kohya] = [pairs.map(([one]) => one), pairs.map(([, one]) => one)];

  it('and kohya have the same fused projections of double blocks', () => {
    const there = convertAdapter(buildAdapter('xlabs', xlabs), 'kohya', {});
    assert.deepEqual(namesOf(there), kohya);
    assert.deepEqual(namesOf(convertAdapter(there, 'xlabs', {})), xlabs);
    const prefixed = buildAdapter('xlabs', [`diffusion_model.${xlabs[0]}`]);
    assert.deepEqual(namesOf(convertAdapter(prefixed, 'kohya', {})), [kohya[0]]);
  });

  it('cannot adapt part of a layer that other formats adapt as a whole', () => {
    const name = 'single_blocks.0.processor.qkv_lora';
    refuses(
      () => convertAdapter(buildAdapter('xlabs', [name]), 'kohya', {}),
      /belongs to a single block/,
      name,
    );
    for (const other of ['lora_unet_single_blocks_0_linear1', 'lora_unet_double_blocks_0_img_mlp_0'])
      refuses(
        () => convertAdapter(buildAdapter('kohya', [other]), 'xlabs', {}),
        /not an attention layer of Flux's double blocks/,
        other,
      );
    refuses(
      () => convertAdapter(buildAdapter('xlabs', xlabs), 'peft', {}),
      /q, k and v in one tensor/,
      xlabs[0],
    );
  });
});

describe('cloneofsimo', () => {
  it('names modules by numbers, and is refused in both directions', () => {
    const source = { ...buildAdapter('peft', [Q]), format: 'cloneofsimo' as const };
    refuses(() => convertAdapter(source, 'peft', {}), /tensors are numbered/);
    refuses(() => convertAdapter(buildAdapter('peft', [Q]), 'cloneofsimo', {}), /tensors are numbered/);
  });
});
