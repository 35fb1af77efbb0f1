import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readGguf } from '../../../src/formats/gguf/read-gguf.ts';
import { layOut } from '../../../src/safetensors/layout.ts';
import { type GgufTensor, type KeyValue, TYPE } from '../../gguf/gguf-file.ts';
import { refusal } from '../peft/build.ts';
import { embedding, experts, keyValuesOf, madeHeader, pair } from './build.ts';

const Q = 'blk.0.attn_q';
const read = (tensors: readonly GgufTensor[], keyValues?: readonly KeyValue[]) =>
  readGguf(madeHeader(tensors, keyValues));
const norm: GgufTensor = { name: 'blk.0.attn_norm.weight', ne: [8], type: 'F32' };

describe('reading LoRA of llama.cpp', () => {
  it('uses plain factors directly from the file', () => {
    const header = madeHeader([...pair('blk.1.ffn_up', 2, { type: 'BF16' }), ...pair(Q, 4)]);
    const { adapter, staging } = readGguf(header);
    assert.equal(staging, null);
    assert.deepEqual(
      adapter.modules.map(({ name, kind, rank, m, n, scale, a, b }) => [
        name,
        kind,
        rank,
        m,
        n,
        scale,
        a.shape,
        b.dtype,
      ]),
      [
        [Q, 'linear', 4, 16, 32, 2, [4, 32], 'F32'],
        ['blk.1.ffn_up', 'linear', 2, 16, 32, 4, [2, 32], 'BF16'],
      ],
    );
    const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor.beginByte]));
    for (const { a, b } of adapter.modules)
      assert.deepEqual([a.beginByte, b.beginByte], [byName.get(a.name), byName.get(b.name)]);
    assert.deepEqual(
      [adapter.format, adapter.alpha, adapter.configRank, adapter.warnings],
      ['gguf', 8, 4, []],
    );
  });

  it('uses alpha/rank as the scale, and 1 without an alpha', () => {
    for (const [alpha, scale] of [
      [8, 2],
      [-1, -0.25],
      [0, 1],
      [null, 1],
    ] as const)
      assert.equal(read(pair(Q, 4), keyValuesOf(alpha)).adapter.modules[0]!.scale, scale);
  });

  it('transposes A of the token embedding', () => {
    const { adapter, staging } = read([...embedding(4), ...pair(Q, 4), norm]);
    const [query, tokens] = adapter.modules;
    assert.deepEqual(
      [tokens!.name, tokens!.kind, tokens!.m, tokens!.n, tokens!.a.shape, tokens!.b.shape],
      ['token_embd', 'embedding', 16, 50, [4, 50], [16, 4]],
    );
    assert.deepEqual(
      staging!.tensors.map(({ source }) => source.kind),
      ['permute', 'copy', 'copy', 'copy', 'copy'],
    );
    const { offsets } = layOut(staging!.tensors, new Map());
    assert.deepEqual(
      [tokens!.a, tokens!.b, query!.a, query!.b, ...adapter.passthrough].map(({ beginByte }) => beginByte),
      offsets,
    );
  });

  it('decodes Q8_0, whose matching results are F16', () => {
    const { adapter, staging } = read(pair(Q, 4, { type: 'Q8_0' }));
    const [{ a, b }] = adapter.modules as [(typeof adapter.modules)[0]];
    assert.deepEqual([a.dtype, a.matchDtype, a.endByte - a.beginByte], ['F32', 'F16', 4 * 32 * 4]);
    assert.deepEqual([b.dtype, b.matchDtype], ['F16', undefined]);
    assert.deepEqual(
      staging!.tensors.map(({ dtype, source }) => [dtype, source.kind]),
      [
        ['F32', 'dequantise'],
        ['F16', 'copy'],
      ],
    );
  });

  it('makes a module of every expert without moving its numbers', () => {
    const header = madeHeader(experts('blk.0.ffn_up_exps', 3, 2));
    const { adapter, staging } = readGguf(header);
    assert.equal(staging, null);
    assert.deepEqual(
      adapter.modules.map(({ name, expert, rank, m, n, a, b }) => [
        name,
        expert!.index,
        rank,
        m,
        n,
        a.shape,
        b.shape,
      ]),
      [0, 1, 2].map((index) => [`blk.0.ffn_up_exps#${index}`, index, 2, 16, 32, [2, 32], [16, 2]]),
    );
    const [a] = header.tensors;
    assert.deepEqual(
      adapter.modules.map((module) => module.a.beginByte - a!.beginByte),
      [0, 256, 512],
    );
  });

  it('accepts tensors in which ggml has omitted or added axes of 1', () => {
    const { adapter } = read([
      { name: `${Q}.weight.lora_a`, ne: [32], type: 'F32' },
      { name: `${Q}.weight.lora_b`, ne: [1, 16], type: 'F32' },
      { name: 'output.weight.lora_a', ne: [32, 4, 1], type: 'F32' },
      { name: 'output.weight.lora_b', ne: [4, 16, 1, 1], type: 'F32' },
    ]);
    assert.deepEqual(
      adapter.modules.map(({ rank, m, n, expert, a, b }) => [rank, m, n, expert, a.shape, b.shape]),
      [
        [1, 16, 32, undefined, [1, 32], [16, 1]],
        [4, 16, 32, undefined, [4, 32], [16, 4]],
      ],
    );
  });

  it('keeps the metadata, and finds the base model', () => {
    const more: KeyValue[] = [
      ['general.base_model.0.repo_url', TYPE.str, 'https://huggingface.co/Qwen/Qwen2.5-0.5B'],
      ['general.quantization_version', TYPE.u32, 2],
      ['adapter.alora.invocation_tokens', TYPE.arr, { type: TYPE.u32, values: [7, 8] }],
    ];
    const { adapter } = read([...pair(Q, 4), norm], keyValuesOf(8, more));
    assert.equal(adapter.baseModel, 'Qwen/Qwen2.5-0.5B');
    assert.equal(adapter.config['general.architecture'], 'qwen2');
    assert.deepEqual(adapter.config['general.quantization_version'], { type: TYPE.u32, value: 2 });
    assert.deepEqual(
      Object.keys(adapter.config),
      keyValuesOf(8, more).map(([key]) => key),
    );
    assert.deepEqual(
      adapter.passthrough.map(({ name }) => name),
      [norm.name],
    );
    assert.match(adapter.warnings.join('\n'), /aLoRA.*\n.*1 norm of/);
    const named = keyValuesOf(8, [['general.base_model.0.name', TYPE.str, 'Qwen2.5']]);
    assert.equal(read(pair(Q, 4), named).adapter.baseModel, 'Qwen2.5');
  });

  const shaped = (a: readonly number[], b: readonly number[], name = Q): GgufTensor[] => [
    { name: `${name}.weight.lora_a`, ne: a, type: 'F32' },
    { name: `${name}.weight.lora_b`, ne: b, type: 'F32' },
  ];
  const without = (key: string): KeyValue[] => keyValuesOf().filter(([one]) => one !== key);
  const saying = (key: string, type: number, value: KeyValue[2]): KeyValue[] => [
    ...without(key),
    [key, type, value],
  ];
  const good = pair(Q, 4);
  const refusals: readonly (readonly [string, readonly GgufTensor[], readonly KeyValue[], string, RegExp])[] =
    [
      [
        'models',
        good,
        saying('general.type', TYPE.str, 'model'),
        'GGUF_NOT_LORA',
        /general\.type is "model"/,
      ],
      ['files of no kind', good, without('general.type'), 'GGUF_NOT_LORA', /general\.type is missing/],
      [
        'control vectors',
        good,
        saying('adapter.type', TYPE.str, 'control_vector'),
        'GGUF_NOT_LORA',
        /"control_vector"/,
      ],
      [
        'a kind that is not a string',
        good,
        saying('general.type', TYPE.u32, 1),
        'GGUF_KEY_VALUE',
        /"general\.type" is not a string/,
      ],
      ['no architecture', good, without('general.architecture'), 'GGUF_KEY_VALUE', /architecture is missing/],
      [
        'an alpha that is no float',
        good,
        saying('adapter.lora.alpha', TYPE.u32, 8),
        'GGUF_KEY_VALUE',
        /alpha must be a finite float32, not 8/,
      ],
      ['an infinite alpha', good, keyValuesOf(Number.POSITIVE_INFINITY), 'GGUF_KEY_VALUE', /not Infinity/],
      [
        'weights of a model',
        [...good, { ...norm, name: 'output.weight' }],
        keyValuesOf(),
        'UNSUPPORTED_LORA_VARIANT',
        /"output\.weight" is neither/,
      ],
      [
        'a lone factor',
        good.slice(1),
        keyValuesOf(),
        'LORA_UNPAIRED',
        /"blk\.0\.attn_q\.weight\.lora_b" has no partner/,
      ],
      [
        'a factor twice',
        [...good, { ...good[0]!, name: `${Q}.lora_a` }],
        keyValuesOf(),
        'LORA_DUPLICATE_MODULE',
        /is the same factor/,
      ],
      ['norms alone', [norm], keyValuesOf(), 'NO_LORA_TENSORS', /has 1 tensor, but no LoRA factor/],
      [
        'other quantisations',
        pair(Q, 4, { type: 'Q4_0' }),
        keyValuesOf(),
        'UNSUPPORTED_DTYPE',
        /lora_a" has the type Q4_0/,
      ],
      [
        'a quantised embedding',
        embedding(32, { type: 'Q8_0' }),
        keyValuesOf(),
        'UNSUPPORTED_DTYPE',
        /"token_embd\.weight\.lora_a" has the type Q8_0/,
      ],
      [
        'a quantised norm beside them',
        [...embedding(4), { ...norm, ne: [32], type: 'Q4_0' }],
        keyValuesOf(),
        'UNSUPPORTED_DTYPE',
        /attn_norm\.weight" has the type Q4_0/,
      ],
      [
        'different ranks',
        shaped([32, 4], [3, 16]),
        keyValuesOf(),
        'LORA_RANK_MISMATCH',
        /rank 4, but its partner has 3: lora_a \[4, 32\], lora_b \[16, 3\]/,
      ],
      ['rank 0', shaped([32, 0], [0, 16]), keyValuesOf(), 'LORA_RANK_ZERO', /rank 0/],
      ['empty matrices', shaped([0, 4], [4, 16]), keyValuesOf(), 'LORA_RANK_DIMS', /dimension of 0/],
      [
        'four dimensions',
        shaped([32, 4, 2, 2], [4, 16, 2, 2]),
        keyValuesOf(),
        'LORA_RANK_DIMS',
        /4 dimensions/,
      ],
      [
        'different numbers of experts',
        shaped([32, 4, 3], [4, 16, 2]),
        keyValuesOf(),
        'UNSUPPORTED_LORA_VARIANT',
        /same number of experts/,
      ],
      [
        'embeddings of experts',
        shaped([4, 50, 2], [4, 16, 2], 'token_embd'),
        keyValuesOf(),
        'LORA_RANK_DIMS',
        /embedding with experts/,
      ],
    ];
  for (const [what, tensors, keyValues, code, message] of refusals) {
    it(`refuses ${what}`, () => {
      const error = refusal(() => read(tensors, keyValues));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }
});
