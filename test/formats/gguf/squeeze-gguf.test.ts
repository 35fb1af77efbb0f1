import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import { buildGguf, type GgufTensor, parseGguf, TYPE } from '../../gguf/gguf-file.ts';
import { factorsWithSpectrum } from '../../oracle/known-matrices.ts';
import { type Matrix, transpose } from '../../oracle/linear-algebra.ts';
import { allowedError, scoreAdapter } from '../../oracle/score.ts';
import { squeezeBytes } from '../squeezing-files.ts';
import { keyValuesOf } from './build.ts';
import { parseGgufAdapter } from './gguf-oracle.ts';

const bytesOf = (...parts: Matrix[]): Uint8Array =>
  new Uint8Array(Float32Array.from(parts.flatMap(({ data }) => [...data])).buffer);

/** Rounds to Q8_0 like ggml: the largest number of a block becomes 127. */
function quantised({ data }: Matrix): Uint8Array {
  const blocks = Array.from({ length: data.length / 32 }, (_, i) => {
    const numbers = data.subarray(32 * i, 32 * (i + 1));
    // A power of two is a float16 scale without rounding.
    const scale = 2 ** Math.ceil(Math.log2(Math.max(...numbers.map(Math.abs)) / 127));
    const block = Buffer.alloc(34);
    block.writeUInt16LE((Math.log2(scale) + 15) << 10);
    for (const [at, number] of numbers.entries()) block.writeInt8(Math.round(number / scale), 2 + at);
    return block;
  });
  return Buffer.concat(blocks);
}

const spectrum = (size: number): number[] => [5, 3, 2, 1, 0.5, 0.2].map((value) => value * size);
const linear = (name: string, m: number, n: number, seed: number): GgufTensor[] => {
  const { a, b } = factorsWithSpectrum(m, n, spectrum(1), seed);
  return [
    { name: `${name}.weight.lora_a`, ne: [n, 6], type: 'F32', bytes: bytesOf(a) },
    { name: `${name}.weight.lora_b`, ne: [6, m], type: 'F32', bytes: bytesOf(b) },
  ];
};

function everything(): GgufTensor[] {
  const tokens = factorsWithSpectrum(16, 40, spectrum(1), 7);
  const stack = [0, 1, 2].map((e) => factorsWithSpectrum(20, 24, spectrum(e + 1), 20 * e));
  return [
    ...linear('blk.0.attn_q', 33, 29, 1),
    { name: 'token_embd.weight.lora_a', ne: [6, 40], type: 'F32', bytes: bytesOf(transpose(tokens.a)) },
    { name: 'token_embd.weight.lora_b', ne: [6, 16], type: 'F32', bytes: bytesOf(tokens.b) },
    {
      name: 'blk.0.ffn_up_exps.weight.lora_a',
      ne: [24, 6, 3],
      type: 'F32',
      bytes: bytesOf(...stack.map(({ a }) => a)),
    },
    {
      name: 'blk.0.ffn_up_exps.weight.lora_b',
      ne: [6, 20, 3],
      type: 'F32',
      bytes: bytesOf(...stack.map(({ b }) => b)),
    },
    { name: 'blk.0.attn_norm.weight', ne: [3], type: 'F32', bytes: Buffer.from('abcdefghijkl') },
  ];
}

describe('squeezing LoRA of llama.cpp', () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 2);
  });
  after(() => pool.close());

  const source = { weights: buildGguf({ keyValues: keyValuesOf(9), tensors: everything() }), config: null };

  for (const scale of ['fold', 'keep'] as const) {
    it(`has the smallest possible error, scale ${scale}`, async () => {
      const result = (await squeezeBytes(pool, source, { rank: 3, scale }))!;
      assert.deepEqual(result.names, ['adapter.gguf']);
      const [before, after] = [parseGgufAdapter(source.weights), parseGgufAdapter(result.weights)];
      assert.equal(before.modules.size, 5);
      for (const [name, score] of scoreAdapter(before, after)) {
        assert.equal(score.rank, 3);
        assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-7, `${name}: ${score.actualError}`);
      }
      const norm = after.passthrough.get('blk.0.attn_norm.weight')!;
      assert.equal(Buffer.from(norm.bytes).toString(), 'abcdefghijkl');
      const { keyValues } = parseGguf(result.weights);
      assert.equal(keyValues.get('adapter.lora.alpha')!.value, scale === 'fold' ? 3 : 4.5);
      assert.equal(keyValues.get('lora_squeeze.method')!.type, TYPE.str);
    });
  }

  it('ranks that differ: alpha 0, which llama.cpp treats as a scale of 1', async () => {
    const target = { rank_pattern: { attn_q: 5, token_embd: 2, '.*#\\d': 3 } };
    const result = (await squeezeBytes(pool, source, target))!;
    const after = parseGgufAdapter(result.weights);
    assert.deepEqual(
      [...after.modules.values()].map(({ rank }) => rank),
      [5, 3, 3, 3, 2],
    );
    assert.equal(parseGguf(result.weights).keyValues.get('adapter.lora.alpha')!.value, 0);
    for (const [name, score] of scoreAdapter(parseGgufAdapter(source.weights), after))
      assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-7, `${name}: ${score.actualError}`);
    // And again, from the written file.
    const again = (await squeezeBytes(pool, result, { rank: 1 }))!;
    for (const [name, score] of scoreAdapter(
      parseGgufAdapter(source.weights),
      parseGgufAdapter(again.weights),
    ))
      assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-7, `${name}: ${score.actualError}`);
  });

  it('Q8_0: squeezes the decoded numbers and writes F16', async () => {
    const { a, b } = factorsWithSpectrum(32, 64, spectrum(1), 3);
    const tensors: GgufTensor[] = [
      { name: 'blk.0.attn_q.weight.lora_a', ne: [64, 6], type: 'Q8_0', bytes: quantised(a) },
      { name: 'blk.0.attn_q.weight.lora_b', ne: [6, 32], type: 'F32', bytes: bytesOf(b) },
    ];
    const file = {
      weights: buildGguf({ keyValues: keyValuesOf(6, [['general.file_type', TYPE.u32, 7]]), tensors }),
      config: null,
    };
    const before = parseGgufAdapter(file.weights);
    const matched = parseGguf((await squeezeBytes(pool, file, { rank: 3 }))!.weights);
    assert.equal(matched.tensors.get('blk.0.attn_q.weight.lora_a')!.dtype, 'F16');
    assert.equal(matched.keyValues.get('general.file_type')!.value, 1);
    const exact = (await squeezeBytes(pool, file, { rank: 3, dtype: 'float32' }))!;
    for (const score of scoreAdapter(before, parseGgufAdapter(exact.weights)).values())
      assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-7, String(score.actualError));
  });
});
