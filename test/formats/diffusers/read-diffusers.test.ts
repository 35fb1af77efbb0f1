import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DIFFUSERS } from '../../../src/formats/diffusers/diffusers.ts';
import { float32Scalar, inputOf, read, refusal, type TensorSource, tensor } from '../pairs/build.ts';
import { conv, linear, packed } from './build.ts';

const readFile = (tensors: readonly TensorSource[], metadata?: Readonly<Record<string, string>>) =>
  read(DIFFUSERS, tensors, metadata);
const scales = async (...given: Parameters<typeof readFile>) =>
  Object.fromEntries((await readFile(...given)).modules.map(({ name, scale }) => [name, scale]));

describe('names of diffusers', () => {
  const attention = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1';

  it('of three generations correspond to the modules of the model', async () => {
    const cases: readonly (readonly [name: string, module: string])[] = [
      [`unet.${attention}.to_q.lora_A.weight`, `unet.${attention}.to_q`],
      [`unet.${attention}.to_q.lora_A.default.weight`, `unet.${attention}.to_q`],
      [`unet.${attention}.to_q.lora.down.weight`, `unet.${attention}.to_q`],
      [`unet.${attention}.processor.to_q_lora.down.weight`, `unet.${attention}.to_q`],
      [`unet.${attention}.processor.to_out_lora.down.weight`, `unet.${attention}.to_out.0`],
      [`unet.${attention}.processor.add_k_proj_lora.down.weight`, `unet.${attention}.add_k_proj`],
      [`${attention}.processor.to_v_lora.down.weight`, `${attention}.to_v`],
      [
        'text_encoder.text_model.encoder.layers.3.self_attn.q_proj.lora_linear_layer.down.weight',
        'text_encoder.text_model.encoder.layers.3.self_attn.q_proj',
      ],
      [
        'text_encoder.text_model.encoder.layers.3.self_attn.to_out_lora.down.weight',
        'text_encoder.text_model.encoder.layers.3.self_attn.out_proj',
      ],
      [
        'text_model.encoder.layers.3.self_attn.to_k_lora.down.weight',
        'text_model.encoder.layers.3.self_attn.k_proj',
      ],
      ['text_encoder_2.text_projection.lora.down.weight', 'text_encoder_2.text_projection'],
      [
        'transformer.transformer_blocks.0.ff.net.0.proj.lora_A.weight',
        'transformer.transformer_blocks.0.ff.net.0.proj',
      ],
      ['transformer_2.blocks.0.attn1.to_q.lora_A.weight', 'transformer_2.blocks.0.attn1.to_q'],
      ['diffusion_model.blocks.0.self_attn.q.lora_A.weight', 'diffusion_model.blocks.0.self_attn.q'],
      ['prior.0.to_q.lora_A.weight', 'prior.0.to_q'],
      ['transformer_blocks.0.attn.to_q.lora_A.weight', 'transformer_blocks.0.attn.to_q'],
      ['blocks.0.cross_attn.k_img.lora_A.default.weight', 'blocks.0.cross_attn.k_img'],
      ['blocks.29.ffn.2.lora_A.default.weight', 'blocks.29.ffn.2'],
    ];
    for (const [a, module] of cases) {
      const b = a.replace('lora_A', 'lora_B').replace('.down.', '.up.');
      const file = [tensor(a, [4, 20]), tensor(b, [12, 4])];
      assert.ok(DIFFUSERS.recognises(inputOf(file)), a);
      const { modules } = await readFile(file);
      assert.deepEqual(
        modules.map(({ name, rank, m, n, scale }) => [name, rank, m, n, scale]),
        [[module, 4, 12, 20, 1]],
      );
    }
  });

  it('are read with several components, convolutions, an embedding and other tensors', async () => {
    const adapter = await readFile([
      ...linear('unet.up_blocks.1.proj_in', 4, 'lora'),
      ...conv('unet.conv_in', 3),
      ...linear('text_encoder.text_model.fc1', 2, 'text'),
      tensor('text_encoder_2.token.lora_embedding_A', [5, 49]),
      tensor('text_encoder_2.token.lora_embedding_B', [8, 5]),
      tensor('emb_params', [2, 768]),
    ]);
    assert.deepEqual(
      adapter.modules.map(({ name, kind, rank, m, n }) => [name, kind, rank, m, n]),
      [
        ['text_encoder.text_model.fc1', 'linear', 2, 12, 20],
        ['text_encoder_2.token', 'embedding', 5, 8, 49],
        ['unet.conv_in', 'conv', 3, 7, 45],
        ['unet.up_blocks.1.proj_in', 'linear', 4, 12, 20],
      ],
    );
    assert.deepEqual(
      adapter.passthrough.map(({ name }) => name),
      ['emb_params'],
    );
    assert.deepEqual([adapter.configRank, adapter.config, adapter.baseModel], [5, {}, null]);
  });

  it('do not match files of other formats', () => {
    const foreign = [
      'base_model.model.transformer_blocks.0.attn.to_q.lora_A.weight',
      'lora_unet_down_blocks_0.lora_down.weight',
      'lora_te1_text_model.lora_down.weight',
      'diffusion_model.blocks.0.ffn.2.lora_down.weight',
      'double_blocks.0.processor.qkv_lora1.down.weight',
      'unet:0:down',
      'model.layers.0.self_attn.q_proj.lora_a',
      'model.layers.0.self_attn.q_proj.lora_A.weight',
      'transformer.h.0.attn.c_attn.lora_A.weight',
      'transformer.encoder.layers.0.self_attention.query_key_value.lora_A.weight',
      'blk.0.attn_q.weight.lora_a',
    ];
    for (const name of foreign)
      assert.equal(DIFFUSERS.recognises(inputOf([tensor(name, [4, 8])])), false, name);
    const withConfig = { ...inputOf(linear('unet.x', 4)), configBytes: new Uint8Array() };
    assert.equal(DIFFUSERS.recognises(withConfig), false);
    assert.equal(DIFFUSERS.recognises({ header: null, gguf: null, configBytes: null }), false);
  });

  it("in PEFT's style belong to diffusers if its metadata is there", () => {
    const file = linear('layers.0.to_q', 4);
    assert.equal(DIFFUSERS.recognises(inputOf(file)), false);
    const metadata = new Map(Object.entries(packed({ r: 4, lora_alpha: 4 })));
    assert.equal(DIFFUSERS.recognises(inputOf(file, metadata)), true);
  });
});

describe('scales of diffusers', () => {
  it('are alpha/rank, whatever the alpha is called', async () => {
    const names: readonly (readonly [factors: TensorSource[], alpha: string])[] = [
      [linear('transformer.a.to_q', 4), 'transformer.a.to_q.alpha'],
      [linear('transformer.a.to_q', 4), 'transformer.a.to_q.lora_A.alpha'],
      [linear('transformer.a.to_q', 4), 'transformer.a.to_q.lora_A.weight.alpha'],
      [linear('unet.a.to_q', 4, 'lora'), 'unet.a.to_q.lora.alpha'],
      [linear('unet.a.to_q', 4, 'lora'), 'unet.a.to_q.lora.down.weight.alpha'],
      [
        [
          tensor('unet.a.processor.to_q_lora.down.weight', [4, 9]),
          tensor('unet.a.processor.to_q_lora.up.weight', [9, 4]),
        ],
        'unet.a.processor.to_q_lora.alpha',
      ],
    ];
    for (const [factors, name] of names) {
      const { modules, alpha } = await readFile([...factors, float32Scalar(name, 6)]);
      assert.deepEqual([modules[0]!.scale, modules[0]!.alpha?.name, alpha], [1.5, name, 6]);
    }
  });

  it('come from alphas of every dtype and of both shapes', async () => {
    const bytes = (array: { readonly buffer: ArrayBufferLike }) =>
      new Uint8Array(array.buffer as ArrayBuffer);
    const alphas: readonly (readonly [string, Uint8Array])[] = [
      ['F64', bytes(Float64Array.of(6))],
      ['F32', bytes(Float32Array.of(6))],
      ['F16', bytes(Uint16Array.of(0x4600))],
      ['BF16', bytes(Uint16Array.of(0x40c0))],
      ['I64', bytes(BigInt64Array.of(6n))],
      ['I32', bytes(Int32Array.of(6))],
      ['U8', Uint8Array.of(6)],
    ];
    for (const [dtype, data] of alphas) {
      for (const shape of [[], [1]]) {
        const alpha = { name: 'transformer.x.alpha', dtype, shape, bytes: data };
        const adapter = await readFile([...linear('transformer.x', 4), alpha]);
        assert.equal(adapter.modules[0]!.scale, 1.5, dtype);
        assert.deepEqual(adapter.modules[0]!.alpha, { name: alpha.name, dtype, shape });
        assert.deepEqual([adapter.passthrough, adapter.warnings], [[], []]);
      }
    }
  });

  it('are those of lora_adapter_metadata, for each component', async () => {
    const file = [
      ...linear('transformer.blocks.0.to_q', 4),
      ...linear('transformer.blocks.1.to_q', 8),
      ...linear('text_encoder.fc1', 16),
    ];
    const metadata = packed({
      'transformer.r': 4,
      'transformer.lora_alpha': 8,
      'transformer.rank_pattern': { 'blocks.1.to_q': 8 },
      'transformer.alpha_pattern': { 'blocks.0.to_q': 2 },
      'transformer.base_model_name_or_path': 'black-forest-labs/FLUX.1-dev',
      'text_encoder.r': 16,
      'text_encoder.lora_alpha': 8,
      'text_encoder.use_rslora': true,
    });
    assert.deepEqual(await scales(file, metadata), {
      'text_encoder.fc1': 2,
      'transformer.blocks.0.to_q': 0.5,
      'transformer.blocks.1.to_q': 1,
    });
    assert.equal((await readFile(file, metadata)).baseModel, 'black-forest-labs/FLUX.1-dev');
    assert.deepEqual(await scales(linear('blocks.0.x', 4), packed({ r: 4, lora_alpha: 12 })), {
      'blocks.0.x': 3,
    });
  });

  it('are 1 without either; a warning tells if other readers disagree', async () => {
    const even = await readFile([...linear('unet.a', 4), ...linear('unet.b', 4)]);
    assert.deepEqual([even.modules.map(({ scale }) => scale), even.warnings], [[1, 1], []]);
    const uneven = await readFile([...linear('unet.a', 4), ...linear('unet.b', 8)]);
    assert.deepEqual(
      uneven.modules.map(({ scale }) => scale),
      [1, 1],
    );
    assert.match(uneven.warnings.join(), /unet has ranks from 4 to 8/);
    const some = await readFile([
      ...linear('unet.a', 4),
      ...linear('unet.b', 4),
      float32Scalar('unet.b.alpha', 2),
    ]);
    assert.deepEqual(
      some.modules.map(({ scale }) => scale),
      [1, 0.5],
    );
    assert.match(some.warnings.join(), /unet lacks the alpha of 1 of 2 modules/);
    const half = await readFile(
      [...linear('unet.a', 4), ...linear('text_encoder.b', 4)],
      packed({ 'unet.r': 4, 'unet.lora_alpha': 8 }),
    );
    assert.match(half.warnings.join(), /has no configuration of text_encoder/);
  });

  it('are accepted in both places if they agree', async () => {
    const file = [...linear('unet.a', 4), float32Scalar('unet.a.alpha', 8)];
    assert.deepEqual(await scales(file, packed({ 'unet.r': 4, 'unet.lora_alpha': 8 })), { 'unet.a': 2 });
    const error = await refusal(() => readFile(file, packed({ 'unet.r': 4, 'unet.lora_alpha': 4 })));
    assert.deepEqual([error.code, error.context.tensor], ['CONFIG_ALPHA', 'unet.a.alpha']);
  });
});

describe('variants of LoRA in files of diffusers', () => {
  it('DoRA: magnitudes are carried over, with a warning', async () => {
    for (const suffix of [
      'lora_magnitude_vector',
      'lora_magnitude_vector.weight',
      'magnitude',
      'dora_scale',
    ]) {
      const adapter = await readFile([
        ...linear('transformer.x', 4),
        tensor(`transformer.x.${suffix}`, [12]),
      ]);
      assert.equal(adapter.passthrough.length, 1);
      assert.match(adapter.warnings.join(), /DoRA/);
    }
  });

  it('biases of B: carried over, and reported', async () => {
    for (const [style, name] of [
      ['peft', 'unet.x.lora_B.bias'],
      ['lora', 'unet.x.lora.up.bias'],
    ] as const) {
      const adapter = await readFile([...linear('unet.x', 4, style), tensor(name, [12])]);
      assert.deepEqual([adapter.hasLoraBias, adapter.passthrough[0]!.name], [true, name]);
    }
  });

  it('unknown variants: refused, with the name of a tensor', async () => {
    for (const [name, code] of [
      ['transformer.y.lokr_w1', 'FORMAT_MIXED'],
      ['transformer.y.hada_w1_a', 'FORMAT_MIXED'],
      ['transformer.x.lora_diag', 'UNSUPPORTED_LORA_VARIANT'],
      ['transformer.x.lora_mid.weight', 'UNSUPPORTED_LORA_VARIANT'],
      ['transformer.x.lora_A.bias', 'UNSUPPORTED_LORA_VARIANT'],
    ] as const) {
      const error = await refusal(() => readFile([...linear('transformer.x', 4), tensor(name, [4])]));
      assert.deepEqual([error.code, error.context.tensor], [code, name]);
    }
  });
});

describe('the reader of diffusers refuses', () => {
  const file = linear('unet.x', 4);
  const cases: readonly (readonly [what: string, code: string, tensors: TensorSource[], names: string])[] = [
    [
      'a factor without its partner',
      'LORA_UNPAIRED',
      [...file, linear('unet.y', 4)[0]!],
      'unet.y.lora_A.weight',
    ],
    [
      'an alpha without factors',
      'LORA_UNPAIRED',
      [...file, float32Scalar('unet.y.alpha', 1)],
      'unet.y.alpha',
    ],
    [
      'a bias without factors',
      'LORA_UNPAIRED',
      [...file, tensor('unet.y.lora_B.bias', [3])],
      'unet.y.lora_B.bias',
    ],
    [
      'a magnitude without factors',
      'LORA_UNPAIRED',
      [...file, tensor('unet.y.magnitude', [3])],
      'unet.y.magnitude',
    ],
    [
      'a module in two styles',
      'LORA_DUPLICATE_MODULE',
      [...file, ...linear('unet.x', 4, 'lora')],
      'unet.x.lora.down.weight',
    ],
    [
      'two alphas',
      'LORA_DUPLICATE_MODULE',
      [...file, float32Scalar('unet.x.alpha', 1), float32Scalar('unet.x.lora_A.alpha', 1)],
      'unet.x.alpha',
    ],
    ["kohya's tensors", 'FORMAT_MIXED', [...file, tensor('lora_unet_y.alpha', [])], 'lora_unet_y.alpha'],
    [
      "PEFT's tensors",
      'FORMAT_MIXED',
      [...file, tensor('base_model.model.y.lora_A.weight', [4, 4])],
      'base_model.model.y.lora_A.weight',
    ],
    [
      "XLabs' tensors",
      'FORMAT_MIXED',
      [...file, tensor('double_blocks.0.processor.qkv_lora1.up.weight', [4, 4])],
      'qkv_lora1.up',
    ],
    ["cloneofsimo's tensors", 'FORMAT_MIXED', [...file, tensor('unet:0:up', [4, 4])], 'unet:0:up'],
    ["MLX's tensors", 'FORMAT_MIXED', [...file, tensor('y.lora_a', [4, 4])], 'y.lora_a'],
    [
      'ranks that differ',
      'LORA_RANK_MISMATCH',
      [tensor('unet.x.lora_A.weight', [4, 9]), tensor('unet.x.lora_B.weight', [9, 5])],
      'unet.x',
    ],
    [
      'rank 0',
      'LORA_RANK_ZERO',
      [tensor('unet.x.lora_A.weight', [0, 9]), tensor('unet.x.lora_B.weight', [9, 0])],
      'unet.x',
    ],
    [
      'a layer of no width',
      'LORA_RANK_DIMS',
      [tensor('unet.x.lora_A.weight', [4, 0]), tensor('unet.x.lora_B.weight', [9, 4])],
      'unet.x',
    ],
    [
      'shapes of no layer',
      'LORA_RANK_DIMS',
      [tensor('unet.x.lora_A.weight', [4, 9, 3]), tensor('unet.x.lora_B.weight', [9, 4])],
      'unet.x',
    ],
    [
      'grouped convolutions',
      'UNSUPPORTED_LORA_VARIANT',
      [tensor('unet.x.lora_A.weight', [4, 9, 3, 3]), tensor('unet.x.lora_B.weight', [8, 2, 1, 1])],
      'groups',
    ],
    [
      'a kernel in B',
      'UNSUPPORTED_LORA_VARIANT',
      [tensor('unet.x.lora_A.weight', [4, 9, 1, 1]), tensor('unet.x.lora_B.weight', [8, 4, 3, 3])],
      'kernel',
    ],
    [
      'factors of integers',
      'UNSUPPORTED_DTYPE',
      [tensor('unet.x.lora_A.weight', [4, 9], 'I8'), tensor('unet.x.lora_B.weight', [9, 4])],
      'unet.x.lora_A.weight',
    ],
    ['block-scaled tensors', 'UNSUPPORTED_DTYPE', [...file, tensor('unet.z', [4], 'F8_E8M0')], 'unet.z'],
    [
      'an alpha that is a vector',
      'LORA_RANK_DIMS',
      [...file, { ...float32Scalar('unet.x.alpha', 1), shape: [2], bytes: new Uint8Array(8) }],
      'unet.x.alpha',
    ],
    [
      'an alpha that is no number',
      'CONFIG_ALPHA',
      [...file, float32Scalar('unet.x.alpha', Number.NaN)],
      'unet.x.alpha',
    ],
    [
      'an infinite alpha',
      'CONFIG_ALPHA',
      [...file, float32Scalar('unet.x.alpha', Number.POSITIVE_INFINITY)],
      'unet.x.alpha',
    ],
    [
      'an alpha of booleans',
      'UNSUPPORTED_DTYPE',
      [...file, { name: 'unet.x.alpha', dtype: 'BOOL', shape: [], bytes: Uint8Array.of(1) }],
      'unet.x.alpha',
    ],
  ];
  for (const [what, code, tensors, names] of cases) {
    it(what, async () => {
      const error = await refusal(() => readFile(tensors));
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(names), error.message);
    });
  }

  const metadata: readonly (readonly [what: string, code: string, json: string])[] = [
    ['that is no JSON', 'CONFIG_JSON', '{'],
    ['that is a list', 'CONFIG_INVALID', '[]'],
    ['with a key twice', 'CONFIG_DUPLICATE_KEY', '{"unet.r":4,"unet.r":4}'],
    ['that pollutes prototypes', 'CONFIG_FORBIDDEN_KEY', '{"unet.rank_pattern":{"__proto__":4}}'],
    ['nested without end', 'CONFIG_TOO_DEEP', `{"unet.x":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['with another rank', 'CONFIG_RANK_MISMATCH', '{"unet.r":8,"unet.lora_alpha":8}'],
    ['with a rank that is none', 'CONFIG_RANK', '{"unet.r":0}'],
    ['with an alpha that is none', 'CONFIG_ALPHA', '{"unet.r":4,"unet.lora_alpha":"8"}'],
    ['with a broken pattern', 'CONFIG_REGEX', '{"unet.r":4,"unet.rank_pattern":{"(":4}}'],
    ['with an integer beyond doubles', 'CONFIG_INVALID', '{"unet.r":4,"unet.seed":123456789012345678901}'],
    ['of another method', 'CONFIG_PEFT_TYPE', '{"unet.r":4,"unet.peft_type":"LOHA"}'],
    ['of QALoRA', 'UNSUPPORTED_LORA_VARIANT', '{"unet.r":4,"unet.use_qalora":true}'],
  ];
  for (const [what, code, json] of metadata) {
    it(`metadata ${what}`, async () => {
      const error = await refusal(() => readFile(file, { lora_adapter_metadata: json }));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, /lora_adapter_metadata/);
      assert.doesNotMatch(error.message, /adapter_config/);
    });
  }

  it('a file without LoRA that is named as another format', async () => {
    const error = await refusal(() => readFile([tensor('unet.x.weight', [4, 4])]));
    assert.equal(error.code, 'NO_LORA_TENSORS');
  });
});
