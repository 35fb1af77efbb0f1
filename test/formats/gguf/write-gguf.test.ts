import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, LoraModule, ModulePlan, OutputPlan, ScaleMode } from '../../../src/adapter/adapter.ts';
import { readGguf } from '../../../src/formats/gguf/read-gguf.ts';
import { planGguf } from '../../../src/formats/gguf/write-gguf.ts';
import fc from '../../fast-check.ts';
import { type GgufTensor, type KeyValue, parseGguf, TYPE } from '../../gguf/gguf-file.ts';
import { refusal } from '../peft/build.ts';
import { embedding, experts, headerOf, keyValuesOf, madeHeader, pair } from './build.ts';

const Q = 'blk.0.attn_q';
const K = 'blk.0.attn_k';
const made = (tensors: readonly GgufTensor[], keyValues?: readonly KeyValue[]): Adapter =>
  readGguf(madeHeader(tensors, keyValues)).adapter;

function plan(
  adapter: Adapter,
  rankOf: (name: string) => number,
  scale: ScaleMode = 'fold',
  dtype?: ModulePlan['dtypeA'],
): OutputPlan {
  const plans = adapter.modules.map(
    (module): ModulePlan => ({
      module,
      rank: rankOf(module.name),
      dtypeA: dtype ?? module.a.dtype,
      dtypeB: dtype ?? module.b.dtype,
    }),
  );
  return planGguf(adapter, plans, { scale, provenance: new Map([['lora_squeeze.method', 'exact']]) });
}

/** The file of a plan, with zeros as data. */
function fileOf({ layout }: OutputPlan): Uint8Array {
  const file = new Uint8Array(layout.totalBytes);
  file.set(layout.headerBytes);
  return file;
}

const alphaIn = (output: OutputPlan): unknown =>
  parseGguf(fileOf(output)).keyValues.get('adapter.lora.alpha')?.value;

describe('writing LoRA of llama.cpp', () => {
  it('writes the tensors under the names that llama.cpp expects', () => {
    const adapter = made([
      ...embedding(4),
      ...experts('blk.0.ffn_up_exps', 11, 4),
      ...pair(Q, 4, { type: 'F16' }),
    ]);
    const output = plan(adapter, () => 2);
    assert.deepEqual([output.weightsName, output.files.size], ['adapter.gguf', 0]);
    const { tensors } = parseGguf(fileOf(output));
    assert.deepEqual(
      [...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]),
      [
        ['blk.0.attn_q.weight.lora_a', 'F16', [2, 32]],
        ['blk.0.attn_q.weight.lora_b', 'F16', [16, 2]],
        ['blk.0.ffn_up_exps.weight.lora_a', 'F32', [11, 2, 32]],
        ['blk.0.ffn_up_exps.weight.lora_b', 'F32', [11, 16, 2]],
        ['token_embd.weight.lora_a', 'F32', [50, 2]],
        ['token_embd.weight.lora_b', 'F32', [16, 2]],
      ],
    );
    const sources = output.tensors.map(({ source }) => source);
    assert.deepEqual(sources[0], { kind: 'factor', factor: 'a', moduleIndex: 0 });
    assert.deepEqual(sources[4], {
      kind: 'arranged',
      parts: [{ factor: 'a', moduleIndex: 12 }],
      shape: [2, 50],
      axes: [1, 0],
    });
    assert.deepEqual(
      sources[3]!.kind === 'arranged' &&
        sources[3]!.parts.map(({ moduleIndex }) => adapter.modules[moduleIndex]!.name),
      Array.from({ length: 11 }, (_, index) => `blk.0.ffn_up_exps#${index}`),
    );
  });

  it('orders the rows of B as a conversion requires', () => {
    const adapter = made(pair(Q, 4, { m: 12 }));
    const order = { shape: [2, 2, 3], axes: [0, 2, 1] };
    const modules = adapter.modules.map((module): LoraModule => ({ ...module, rowOrder: order }));
    const [a, b] = plan({ ...adapter, modules }, () => 2).tensors;
    assert.equal(a!.source.kind, 'factor');
    assert.deepEqual(b!.source, {
      kind: 'arranged',
      parts: [{ factor: 'b', moduleIndex: 0 }],
      shape: [2, 2, 3, 2],
      axes: [0, 2, 1, 3],
    });
    assert.deepEqual(b!.shape, [12, 2]);
  });

  it('writes one alpha that gives every module its scale', () => {
    const two = made([...pair(Q, 4), ...pair(K, 4)]);
    const uneven = (name: string): number => (name === Q ? 3 : 1);
    assert.equal(alphaIn(plan(two, () => 3)), 3);
    assert.equal(alphaIn(plan(two, uneven)), 0);
    assert.equal(alphaIn(plan(two, () => 3, 'keep')), 6);
    assert.equal(alphaIn(plan(two, () => 1, 'sqrt')), 4);
    // If the scales are alpha/rank with different ranks and nothing changes, the single alpha remains.
    const own = made([...pair(Q, 7), ...pair(K, 3)], keyValuesOf(29));
    assert.equal(alphaIn(plan(own, (name) => (name === Q ? 7 : 3), 'keep')), 29);
    const plain = made([...pair(Q, 4), ...pair(K, 4)], keyValuesOf(null));
    assert.equal(alphaIn(plan(plain, uneven, 'keep')), 0);
  });

  it('requires folding if one alpha is not enough', () => {
    const two = made([...pair(Q, 4), ...pair(K, 4)]);
    const error = refusal(() => plan(two, (name) => (name === Q ? 3 : 1), 'keep'));
    assert.equal(error.code, 'FORMAT_NEEDS_FOLD');
    assert.match(error.message, /"blk\.0\.attn_q": the result would need a scaling of 2 at rank 3.*"fold"/);
    // A scale of 0 has no alpha either: llama.cpp treats 0 as 1.
    const zero = { ...two, modules: two.modules.map((module) => ({ ...module, scale: 0 })) };
    assert.equal(refusal(() => plan(zero, () => 2, 'keep')).code, 'FORMAT_NEEDS_FOLD');
  });

  it('keeps all metadata of the source, and adds how the result was made', () => {
    const more: KeyValue[] = [
      ['adapter.alora.invocation_tokens', TYPE.arr, { type: TYPE.u32, values: [7, 8] }],
      ['general.file_type', TYPE.u32, 7],
      ['general.alignment', TYPE.u32, 64],
      ['some.flag', TYPE.bool, true],
    ];
    const adapter = {
      ...made(pair(Q, 4), keyValuesOf(8, more)),
      metadata: new Map([
        ['format', 'pt'],
        ['a.b', 'c'],
      ]),
    };
    const { keyValues } = parseGguf(fileOf(plan(adapter, () => 2, 'fold', 'BF16')));
    const expected = new Map(keyValuesOf(8, more).map(([key, type, value]) => [key, { type, value }]));
    expected.set('adapter.lora.alpha', { type: TYPE.f32, value: 2 });
    expected.set('general.file_type', { type: TYPE.u32, value: 32 });
    expected.set('a.b', { type: TYPE.str, value: 'c' });
    expected.set('lora_squeeze.method', { type: TYPE.str, value: 'exact' });
    assert.deepEqual(keyValues, expected);
  });

  it('writes the metadata of a conversion', () => {
    const converted = {
      ...made(pair(Q, 4)),
      config: { 'general.architecture': 'llama', 'adapter.lora.alpha': 8 },
    };
    const { keyValues } = parseGguf(fileOf(plan(converted, () => 2)));
    assert.deepEqual(
      ['general.type', 'adapter.type', 'general.architecture', 'adapter.lora.alpha'].map(
        (key) => keyValues.get(key)!.value,
      ),
      ['adapter', 'lora', 'llama', 2],
    );
  });

  it('refuses what llama.cpp does not load, by name', () => {
    const adapter = made(pair(Q, 4));
    const [module] = adapter.modules as [LoraModule];
    const entry = { name: 'score.weight', dtype: 'F32', shape: [1], beginByte: 0, endByte: 4 };
    const long = `${'x'.repeat(64)}.lora_a`;
    const cases: readonly (readonly [Adapter, RegExp])[] = [
      [{ ...adapter, config: {} }, /general\.architecture/],
      [{ ...adapter, passthrough: [entry] }, /"score\.weight": .*nothing but LoRA factors/],
      [{ ...adapter, modules: [{ ...module, kind: 'embedding' }] }, /"blk\.0\.attn_q".*embedding/],
      [{ ...adapter, modules: [{ ...module, kind: 'conv' }] }, /"blk\.0\.attn_q".*conv/],
      [{ ...adapter, modules: [{ ...module, name: 'token_embd' }] }, /"token_embd".*linear/],
      [
        { ...adapter, modules: [{ ...module, a: { ...module.a, name: long } }] },
        /71 bytes, but may have at most 63/,
      ],
      [
        { ...adapter, passthrough: [{ ...entry, name: 'x_norm.weight', dtype: 'F8_E5M2' }] },
        /no dtype F8_E5M2/,
      ],
      [{ ...adapter, config: { ...adapter.config, odd: null } }, /"odd" has no type/],
    ];
    for (const [wrong, message] of cases) {
      const error = refusal(() => plan(wrong, () => 2));
      assert.equal(error.code, 'FORMAT_NOT_WRITABLE');
      assert.match(error.message, message);
    }
  });

  it('writes what it planned, and writes the same again after reading', () => {
    const one = fc.record({
      rank: fc.integer({ min: 1, max: 9 }),
      m: fc.integer({ min: 1, max: 40 }),
      n: fc.integer({ min: 1, max: 40 }),
      experts: fc.constantFrom(0, 0, 2, 11),
      type: fc.constantFrom('F32' as const, 'F16' as const, 'BF16' as const),
    });
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (modules, hasEmbedding, limit) => {
          const tensors = modules.flatMap(({ rank, m, n, experts: count, type }, index) =>
            count === 0
              ? pair(`blk.${index}.attn_q`, rank, { m, n, type })
              : experts(`blk.${index}.ffn_up_exps`, count, rank, m, n),
          );
          const adapter = made([...tensors, ...(hasEmbedding ? embedding(5) : [])]);
          const ranks = new Map(adapter.modules.map(({ name, rank }) => [name, Math.min(rank, limit)]));
          const rankOf = (name: string): number => ranks.get(name)!;
          const first = plan(adapter, rankOf);
          const again = readGguf(headerOf(fileOf(first))).adapter;
          assert.deepEqual(
            again.modules.map(({ name, kind, rank, m, n, scale, expert }) => [
              name,
              kind,
              rank,
              m,
              n,
              scale,
              expert,
            ]),
            adapter.modules.map(({ name, kind, m, n, expert }) => [
              name,
              kind,
              rankOf(name),
              m,
              n,
              1,
              expert,
            ]),
          );
          assert.deepEqual(fileOf(plan(again, rankOf, 'keep')), fileOf(first));
        },
      ),
    );
  });
});
