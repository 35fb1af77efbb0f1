import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import { adapterOf, linear, PREFIX, refusal, tensor } from './build.ts';

describe('readPeft: modules', () => {
  it('pairs factors whatever their order, and sorts by code units', () => {
    const names = ['layers.10.q', 'layers.2.q', 'layers.1.q', 'Z.q', 'a.q', 'é.q'];
    const adapter = adapterOf(names.flatMap((name) => linear(name, 4).reverse()));
    assert.deepEqual(
      adapter.modules.map(({ name }) => name),
      ['Z.q', 'a.q', 'layers.1.q', 'layers.10.q', 'layers.2.q', 'é.q'],
    );
  });

  it('reads linear, convolution and embedding factors', () => {
    const { modules } = adapterOf([
      ...linear('lin', 4, 16, 32, 'BF16'),
      tensor('conv.lora_A.weight', [4, 3, 5, 7]),
      tensor('conv.lora_B.weight', [16, 4, 1, 1]),
      tensor('conv1d.lora_A.weight', [4, 3, 5]),
      tensor('conv1d.lora_B.weight', [16, 4, 1]),
      tensor('emb.lora_embedding_A', [4, 1000]),
      tensor('emb.lora_embedding_B', [64, 4]),
    ]);
    assert.deepEqual(
      modules.map(({ name, kind, m, n, rank, scale }) => [name, kind, m, n, rank, scale]),
      [
        ['conv', 'conv', 16, 3 * 5 * 7, 4, 2],
        ['conv1d', 'conv', 16, 3 * 5, 4, 2],
        ['emb', 'embedding', 64, 1000, 4, 2],
        ['lin', 'linear', 16, 32, 4, 2],
      ],
    );
    assert.deepEqual(
      [modules[3]!.a.dtype, modules[3]!.a.shape, modules[3]!.b.shape],
      ['BF16', [4, 32], [16, 4]],
    );
  });

  it('accepts keys with the name of the adapter, and without the prefix', () => {
    const { modules } = adapterOf([
      tensor('a.lora_A.default.weight', [4, 8]),
      tensor('a.lora_B.default.weight', [8, 4]),
      tensor('e.lora_embedding_A.default', [4, 8]),
      tensor('e.lora_embedding_B.default', [8, 4]),
      { name: 'b.lora_A.weight', dtype: 'F16', shape: [4, 8] },
      { name: 'b.lora_B.weight', dtype: 'F32', shape: [8, 4] },
    ]);
    assert.deepEqual(
      modules.map(({ name, a, b }) => [name, a.dtype, b.dtype]),
      [
        ['a', 'F32', 'F32'],
        ['b', 'F16', 'F32'],
        ['e', 'F32', 'F32'],
      ],
    );
  });

  it('carries over everything else, sorted by name', () => {
    const adapter = adapterOf([
      tensor('score.weight', [2, 8]),
      ...linear('q', 4),
      tensor('q.bias', [16], 'F64'),
      tensor('embed.token_adapter.trainable_tokens_delta', [2, 8]),
    ]);
    assert.deepEqual(
      adapter.passthrough.map(({ name, dtype }) => [name.slice(PREFIX.length), dtype]),
      [
        ['embed.token_adapter.trainable_tokens_delta', 'F32'],
        ['q.bias', 'F64'],
        ['score.weight', 'F32'],
      ],
    );
    assert.deepEqual([adapter.hasLoraBias, adapter.warnings], [false, []]);
  });

  it('recognises the bias of lora_bias, by tensor or by configuration', () => {
    const bias = tensor('q.lora_B.bias', [16]);
    assert.equal(adapterOf([...linear('q', 4), bias]).hasLoraBias, true);
    assert.equal(adapterOf(linear('q', 4), { lora_bias: true }).hasLoraBias, true);
  });

  it('carries DoRA magnitudes over and warns', () => {
    const adapter = adapterOf([...linear('q', 4), tensor('q.lora_magnitude_vector', [16])], {
      use_dora: true,
    });
    assert.equal(adapter.passthrough.length, 1);
    assert.match(adapter.warnings.join(), /DoRA/);
  });

  it('keeps the metadata of the file', () => {
    const metadata = new Map([['format', 'pt']]);
    assert.deepEqual(adapterOf(linear('q', 4), {}, metadata).metadata, metadata);
  });
});

describe('readPeft: scales', () => {
  const modules = ['a.q', 'a.k', 'b.q'];
  const scales = (
    ranks: readonly number[],
    config: Readonly<Record<string, unknown>>,
  ): Record<string, number> => {
    const adapter = adapterOf(
      modules.flatMap((name, index) => linear(name, ranks[index]!)),
      config,
    );
    return Object.fromEntries(adapter.modules.map(({ name, scale }) => [name, scale]));
  };

  const rows: readonly (readonly [what: string, ranks: number[], config: object, expected: number[]])[] = [
    ['alpha / r', [4, 4, 4], {}, [2, 2, 2]],
    ['alpha / √r with rsLoRA', [4, 4, 4], { use_rslora: true }, [4, 4, 4]],
    ['a fraction as alpha', [4, 4, 4], { lora_alpha: 0.5 }, [0.125, 0.125, 0.125]],
    ['alpha 0', [4, 4, 4], { lora_alpha: 0 }, [0, 0, 0]],
    ['a negative alpha', [4, 4, 4], { lora_alpha: -4 }, [-1, -1, -1]],
    ['a rank of its own keeps the global alpha', [2, 4, 2], { rank_pattern: { q: 2 } }, [4, 2, 4]],
    ['an alpha of its own', [4, 4, 4], { alpha_pattern: { 'a.q': 1 } }, [0.25, 2, 2]],
    [
      'both of their own, by different keys',
      [2, 4, 2],
      { rank_pattern: { q: 2 }, alpha_pattern: { 'b.q': 16 } },
      [4, 2, 8],
    ],
    [
      'patterns with rsLoRA',
      [16, 4, 4],
      { use_rslora: true, rank_pattern: { 'a.q': 16 }, alpha_pattern: { '.*q': 4 } },
      [1, 4, 2],
    ],
    ['the first of two keys wins', [2, 4, 1], { rank_pattern: { 'a.q': 2, q: 1 } }, [4, 2, 8]],
  ];
  for (const [what, ranks, config, expected] of rows) {
    it(what, () => {
      const found = scales(ranks, config as Record<string, unknown>);
      assert.deepEqual(
        modules.map((name) => found[name]),
        expected,
      );
    });
  }
});

describe('readPeft: refusals', () => {
  const q = linear('q', 4);
  const rows: readonly (readonly [
    what: string,
    tensors: readonly TensorSpec[],
    config: Readonly<Record<string, unknown>>,
    code: string,
    names: string,
  ])[] = [
    ['no tensors', [], {}, 'NO_LORA_TENSORS', '0 other tensors'],
    ['kohya keys', [tensor('lora_unet_x.lora_down.weight', [4, 8])], {}, 'NO_LORA_TENSORS', 'kohya'],
    ['MLX keys', [tensor('layers.0.q.lora_a', [8, 4])], {}, 'NO_LORA_TENSORS', 'mlx'],
    ['LoHa', [tensor('x.hada_w1_a', [8, 4])], {}, 'NO_LORA_TENSORS', 'LoHa'],
    ['A without B', q.slice(0, 1), {}, 'LORA_UNPAIRED', '.q.lora_A.weight" has no partner'],
    ['B without A', q.slice(1), {}, 'LORA_UNPAIRED', 'module "q" has no lora_A'],
    [
      'half an embedding',
      [...q, tensor('e.lora_embedding_A', [4, 9])],
      {},
      'LORA_UNPAIRED',
      '.e.lora_embedding_A" has no partner, because module "e" has no lora_embedding_B',
    ],
    [
      'two adapters in a file',
      [...q, tensor('q.lora_A.other.weight', [4, 32])],
      {},
      'LORA_DUPLICATE_MODULE',
      'other',
    ],
    [
      'linear and embedding factors in a module',
      [...q, tensor('q.lora_embedding_A', [4, 9])],
      {},
      'LORA_DUPLICATE_MODULE',
      '"q"',
    ],
    ['a rank unlike r', linear('q', 2), {}, 'CONFIG_RANK_MISMATCH', 'r of adapter_config.json is 4'],
    [
      'a rank unlike its pattern',
      q,
      { rank_pattern: { q: 2 } },
      'CONFIG_RANK_MISMATCH',
      'rank_pattern of adapter_config.json is 2',
    ],
    [
      'factors of different dimensions',
      [tensor('c.lora_A.weight', [4, 3, 3, 3]), tensor('c.lora_B.weight', [8, 4])],
      {},
      'LORA_RANK_DIMS',
      '[4, 3, 3, 3]',
    ],
    [
      'a three-dimensional embedding',
      [tensor('e.lora_embedding_A', [4, 3, 1]), tensor('e.lora_embedding_B', [8, 4, 1])],
      {},
      'LORA_RANK_DIMS',
      '"e"',
    ],
    [
      'an empty dimension',
      [tensor('q.lora_A.weight', [4, 0]), tensor('q.lora_B.weight', [8, 4])],
      {},
      'LORA_RANK_DIMS',
      'dimension of 0',
    ],
    [
      'a grouped convolution',
      [tensor('c.lora_A.weight', [4, 3, 3, 3]), tensor('c.lora_B.weight', [8, 2, 1, 1])],
      {},
      'UNSUPPORTED_LORA_VARIANT',
      '2 groups',
    ],
    [
      'stacked experts',
      [tensor('x.lora_A.weight', [8, 4, 16]), tensor('x.lora_B.weight', [8, 16, 4])],
      {},
      'UNSUPPORTED_LORA_VARIANT',
      'experts',
    ],
    [
      'tensors of another trainer among them',
      [...q, tensor('x.lora_down.weight', [4, 8]), tensor('x.lora_up.weight', [8, 4])],
      {},
      'FORMAT_MIXED',
      'x.lora_down.weight',
    ],
    ['LoHa among them', [...q, tensor('x.hada_w1_a', [8, 4])], {}, 'FORMAT_MIXED', 'hada_w1_a'],
    [
      'a stack of experts that the configuration does not tell of',
      linear('mlp.experts.base_layer', 32),
      {},
      'CONFIG_RANK_MISMATCH',
      'base_layer',
    ],
    [
      'a variant PEFT may add one day',
      [...q, tensor('q.lora_new_thing.default.weight', [4])],
      {},
      'UNSUPPORTED_LORA_VARIANT',
      'lora_new_thing',
    ],
    [
      'a kohya file, alphas and all',
      ['lora_down.weight', 'lora_up.weight', 'alpha'].map((leaf) => ({
        name: `lora_unet_down_blocks_0.${leaf}`,
        dtype: 'F16',
        shape: leaf === 'alpha' ? [] : [4, 4],
      })),
      {},
      'NO_LORA_TENSORS',
      'kohya',
    ],
    ['KaSA', [...q, tensor('q.lora_diag', [4])], {}, 'UNSUPPORTED_LORA_VARIANT', 'lora_diag'],
    ['quantised factors', linear('q', 4, 16, 32, 'I8'), {}, 'UNSUPPORTED_DTYPE', 'I8'],
    ['block scales anywhere', [...q, tensor('s', [4], 'F8_E8M0')], {}, 'UNSUPPORTED_DTYPE', 'F8_E8M0'],
  ];
  for (const [what, tensors, config, code, names] of rows) {
    it(what, () => {
      const error = refusal(() => adapterOf(tensors, config));
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(names), error.message);
    });
  }

  it('half a pair is named in the context as well', () => {
    const { context } = refusal(() => adapterOf(q.slice(0, 1)));
    assert.deepEqual(context, { module: 'q', tensor: q[0]!.name });
  });

  it('target_parameters without tensors are accepted', () => {
    const config = { target_parameters: ['mlp.experts.gate_up_proj'] };
    assert.equal(adapterOf(linear('layers.0.q', 4), config).modules.length, 1);
  });

  it('products beyond 2^53 are refused even if each factor is small enough', () => {
    const huge = 2 ** 27;
    const tensors = [tensor('q.lora_A.weight', [1, huge]), tensor('q.lora_B.weight', [huge, 1])];
    assert.equal(refusal(() => adapterOf(tensors, { r: 1 })).code, 'ST_VALIDATION_OVERFLOW');
  });
});
