import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ReadInput } from '../../../src/formats/format.ts';
import { MLX } from '../../../src/formats/mlx/mlx.ts';
import { readAdapter } from '../../../src/formats/read-adapter.ts';
import { layOut, type TensorSpec } from '../../../src/safetensors/layout.ts';
import { headerOf, linear, refusal } from '../peft/build.ts';
import { configOf, experts, layer, readMade } from './build.ts';

const FOLDER = new URL('../../fixtures/adapters/mlx-qwen25-05b-r8/', import.meta.url);
const Q = 'model.layers.0.self_attn.q_proj';

describe('reading adapters of MLX', () => {
  for (const file of ['adapters.safetensors', '0000100_adapters.safetensors']) {
    it(`reads the real ${file}`, async () => {
      const { adapter, staging } = await readAdapter({
        weightsPath: fileURLToPath(new URL(file, FOLDER)),
        configBytes: await readFile(new URL('adapter_config.json', FOLDER)),
      });
      assert.equal(adapter.format, 'mlx');
      assert.equal(adapter.baseModel, '/Users/wyek1n/Downloads/MLX/model/Qwen2.5-0.5B-Instruct');
      assert.deepEqual([adapter.alpha, adapter.configRank, adapter.useRslora], [80, 8, false]);
      assert.deepEqual(
        adapter.modules.map(({ name, kind, rank, m, n, scale }) => [name, kind, rank, m, n, scale]),
        [20, 21, 22, 23].flatMap((index) => [
          [`model.layers.${index}.self_attn.q_proj`, 'linear', 8, 896, 896, 10],
          [`model.layers.${index}.self_attn.v_proj`, 'linear', 8, 128, 896, 10],
        ]),
      );
      assert.equal(staging!.tensors.length, 16);
      // It had an alpha, which only early versions of mlx-lm used.
      assert.deepEqual([adapter.warnings.length, /alpha/.test(adapter.warnings[0]!)], [1, true]);
    });
  }

  it('plans plain factors, and where they will be', () => {
    const { adapter, staging } = readMade([
      ...layer(Q, 4),
      { name: 'model.norm.weight', dtype: 'BF16', shape: [5] },
    ]);
    const { offsets, totalBytes } = layOut(staging!.tensors, new Map());
    const [module] = adapter.modules;
    assert.deepEqual(
      [module!.a.shape, module!.b.shape],
      [
        [4, 32],
        [16, 4],
      ],
    );
    assert.deepEqual(
      [module!.a, module!.b, ...adapter.passthrough].map(({ beginByte }) => beginByte),
      offsets,
    );
    assert.equal(adapter.passthrough[0]!.endByte, totalBytes);
    assert.deepEqual(
      staging!.tensors.map(({ source }) => source.kind),
      ['permute', 'permute', 'copy'],
    );
  });

  it('makes a module of every expert, in both forms, without moving numbers', () => {
    const flat: TensorSpec[] = [
      { name: 'l.up.lora_a', dtype: 'F32', shape: [3 * 4, 32] },
      { name: 'l.up.lora_b', dtype: 'F32', shape: [3, 16, 4] },
    ];
    const whole = readMade(experts('l.up', 3, 4));
    for (const { adapter, staging } of [whole, readMade(flat)]) {
      assert.deepEqual(
        adapter.modules.map(({ name, rank, m, n, expert }) => [name, rank, m, n, expert]),
        [0, 1, 2].map((index) => [`l.up#${index}`, 4, 16, 32, { index, count: 3 }]),
      );
      const [first, second] = adapter.modules;
      assert.equal(second!.a.beginByte, first!.a.endByte);
      assert.equal(second!.b.beginByte, first!.b.endByte);
      assert.deepEqual(
        [first!.a.shape, first!.b.shape],
        [
          [4, 32],
          [16, 4],
        ],
      );
      assert.ok(staging!.tensors.every(({ source }) => source.kind === 'copy'));
      assert.deepEqual(
        adapter.modules.map(({ a }) => a.beginByte),
        whole.adapter.modules.map(({ a }) => a.beginByte),
      );
    }
  });

  it('recognises embeddings by their names', () => {
    const { adapter } = readMade([...layer('model.embed_tokens', 4, 8, 100), ...layer(Q, 4)]);
    assert.deepEqual(
      adapter.modules.map(({ kind, m, n }) => [kind, m, n]),
      [
        ['embedding', 8, 100],
        ['linear', 16, 32],
      ],
    );
  });

  it('uses the scale as it is, whatever the rank', () => {
    const scaleOf = (parameters: Record<string, unknown>): number =>
      readMade(layer(Q, 4), configOf(parameters)).adapter.modules[0]!.scale;
    assert.deepEqual([scaleOf({ scale: 0.5 }), scaleOf({ scale: -3 }), scaleOf({ rank: 8 })], [0.5, -3, 20]);
    const { adapter } = readMade(layer(Q, 4), configOf({ scale: undefined }));
    assert.equal(adapter.modules[0]!.scale, 20);
    assert.match(adapter.warnings[0]!, /no scale, so MLX's default of 20/);
  });

  it('warns of DoRA, and of a rank that differs from the tensors', () => {
    const m: TensorSpec = { name: `${Q}.m`, dtype: 'F32', shape: [16] };
    const dora = readMade([...layer(Q, 4), m], configOf({}, { fine_tune_type: 'dora' })).adapter;
    assert.deepEqual(
      dora.passthrough.map(({ name }) => name),
      [`${Q}.m`],
    );
    assert.ok(dora.warnings.some((warning) => /^DoRA/.test(warning)));
    const other = readMade(layer(Q, 2)).adapter;
    assert.deepEqual(other.warnings, [
      'The rank in adapter_config.json is 4, but the largest rank of the tensors is 2.',
    ]);
  });

  it('recognises files by their configuration, or by names that no configuration of PEFT contradicts', () => {
    const recognises = (tensors: readonly TensorSpec[], config: string | null): boolean =>
      MLX.recognises({
        header: headerOf(tensors),
        gguf: null,
        configBytes: config === null ? null : Buffer.from(config),
      } satisfies Pick<ReadInput, 'header' | 'gguf' | 'configBytes'>);
    const [mlx, peft] = [layer(Q, 4), linear('q', 4)];
    assert.ok(recognises(mlx, null) && recognises(mlx, '{}') && recognises(mlx, 'no JSON'));
    assert.ok(recognises(peft, '{"fine_tune_type": "lora"}') && recognises([], '{"lora_parameters": {}}'));
    assert.ok(!recognises(peft, null) && !recognises(peft, '{}') && !recognises([], null));
    assert.ok(!recognises(mlx, '{"peft_type": "LORA", "lora_parameters": {}}'));
    assert.ok(!MLX.recognises({ header: null, gguf: null, configBytes: null }));
  });

  const pair = layer(Q, 4);
  const shaped = (a: readonly number[], b: readonly number[], dtype = 'F32'): TensorSpec[] => [
    { name: `${Q}.lora_a`, dtype, shape: a },
    { name: `${Q}.lora_b`, dtype, shape: b },
  ];
  const extra = (name: string): TensorSpec => ({ name, dtype: 'F32', shape: [16] });
  const refusals: readonly (readonly [what: string, call: () => unknown, code: string, message: RegExp])[] = [
    [
      'full fine-tunes',
      () => readMade([extra('model.norm.weight')], configOf({}, { fine_tune_type: 'full' })),
      'UNSUPPORTED_LORA_VARIANT',
      /fine_tune_type is "full"/,
    ],
    [
      'other kinds',
      () => readMade(pair, configOf({}, { fine_tune_type: 'vera' })),
      'UNSUPPORTED_LORA_VARIANT',
      /fine_tune_type is "vera"/,
    ],
    [
      'configurations without parameters',
      () => readMade(pair, configOf(null)),
      'CONFIG_INVALID',
      /lora_parameters must be an object, not undefined/,
    ],
    [
      'a scale whose alpha is infinite',
      () => readMade(layer(Q, 4), configOf({ scale: 1e308 })),
      'CONFIG_ALPHA',
      /\(1e\+308\) times the rank \(4\)/,
    ],
    [
      'a scale that is no number',
      () => readMade(pair, configOf({ scale: '20' })),
      'CONFIG_ALPHA',
      /scale must be a number, not "20"/,
    ],
    [
      'a rank that is none',
      () => readMade(pair, configOf({ rank: 1.5 })),
      'CONFIG_RANK',
      /rank must be a positive integer, not 1\.5/,
    ],
    ['JSON that is none', () => readMade(pair, Buffer.from('{')), 'CONFIG_JSON', /adapter_config\.json/],
    [
      'a lone factor',
      () => readMade(pair.slice(0, 1)),
      'LORA_UNPAIRED',
      /"model\.layers\.0\.self_attn\.q_proj\.lora_a"/,
    ],
    [
      'different ranks',
      () => readMade(shaped([32, 4], [3, 16])),
      'LORA_RANK_MISMATCH',
      /ranks \(4 and 3\): ".*lora_a" \[32, 4\]/,
    ],
    ['rank 0', () => readMade(shaped([32, 0], [0, 16])), 'LORA_RANK_ZERO', /has rank 0/],
    ['other dimensions', () => readMade(shaped([32], [4, 16])), 'LORA_RANK_DIMS', /match no kind of layer/],
    [
      'different numbers of experts',
      () => readMade(shaped([3, 4, 32], [2, 16, 4])),
      'LORA_RANK_DIMS',
      /numbers of experts/,
    ],
    [
      'a stack that is not whole',
      () => readMade(shaped([13, 32], [3, 16, 4])),
      'LORA_RANK_MISMATCH',
      /\[13, 32\]/,
    ],
    ['empty matrices', () => readMade(shaped([0, 4], [4, 16])), 'LORA_RANK_DIMS', /dimension of 0/],
    [
      'integers',
      () => readMade(shaped([32, 4], [4, 16], 'I32')),
      'UNSUPPORTED_DTYPE',
      /lora_a" has dtype I32/,
    ],
    [
      'quantised factors',
      () => readMade([...pair, extra(`${Q}.lora_a_scales`)]),
      'UNSUPPORTED_LORA_VARIANT',
      /lora_a_scales"/,
    ],
    ['a magnitude of nothing', () => readMade([...pair, extra('l.k.m')]), 'LORA_UNPAIRED', /"l\.k\.m"/],
    [
      'tensors of PEFT among them',
      () => readMade([...pair, ...linear('q', 4)]),
      'FORMAT_MIXED',
      /lora_A\.weight" belongs to the format peft/,
    ],
    [
      'no LoRA at all',
      () => readMade([extra('model.norm.weight')]),
      'NO_LORA_TENSORS',
      /have 1 tensor, but no LoRA factor/,
    ],
  ];
  for (const [what, call, code, message] of refusals) {
    it(`refuses ${what}`, () => {
      const error = refusal(call);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }

  it('requires the configuration, which has the scale', async () => {
    await assert.rejects(
      readAdapter({ weightsPath: fileURLToPath(new URL('adapters.safetensors', FOLDER)), configBytes: null }),
      (error: Error & { code?: string }) =>
        error.code === 'FILE_MISSING' && /adapter_config\.json/.test(error.message),
    );
  });
});
