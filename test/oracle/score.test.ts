import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { diagonal, factorsWithSpectrum, gaussianMatrix, orthonormalColumns } from './known-matrices.ts';
import { type Matrix, matrix, multiply, transpose } from './linear-algebra.ts';
import { scoreWithNumpy, skipWithoutNumpy } from './numpy.ts';
import { CONFIG, parsePeftAdapter, readPeftAdapter, WEIGHTS } from './peft-adapter.ts';
import {
  assembleSafetensors,
  buildSafetensors,
  decodeTensor,
  float32Tensor,
  parseSafetensors,
  type Tensor,
} from './safetensors.ts';
import { allowedError, overallError, scoreAdapter } from './score.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/adapters/gpt2-lora-r8', import.meta.url));
const BASE = 'base_model.model.';

const halves = (words: readonly number[]) => new Uint8Array(Uint16Array.from(words).buffer);
const asF32 = (m: Matrix, shape = [m.rows, m.columns]) => float32Tensor(shape, m.data);
/** Truncates float32 to its upper half: a bfloat16, rounded towards zero. */
const asBF16 = (m: Matrix): Tensor => ({
  dtype: 'BF16',
  shape: [m.rows, m.columns],
  bytes: halves([...new Uint32Array(Float32Array.from(m.data).buffer)].map((word) => word >>> 16)),
});
/** Arbitrary float16 numbers below 2 in size, including subnormal ones. */
const randomF16 = (rows: number, columns: number, seed: number): Tensor => ({
  dtype: 'F16',
  shape: [rows, columns],
  bytes: halves(
    [...gaussianMatrix(rows, columns, seed).data].map((x) => Math.floor(Math.abs(x) * 1e4) & 0xbfff),
  ),
});

describe('oracle: reading', () => {
  it('decodes each dtype from its bits', () => {
    const f16 = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x7c00, 0xfc00, 0x7e00];
    assert.deepEqual(
      [...decodeTensor({ dtype: 'F16', shape: [9], bytes: halves(f16) })],
      [1, -2, 65504, 2 ** -14, 2 ** -24, -0, Infinity, -Infinity, Number.NaN],
    );
    const bf16 = [0x3f80, 0xc000, 0x7f7f, 0x0080, 0x0001, 0xff80, 0x7fc0];
    assert.deepEqual(
      [...decodeTensor({ dtype: 'BF16', shape: [7], bytes: halves(bf16) })],
      [1, -2, 255 * 2 ** 120, 2 ** -126, 2 ** -133, -Infinity, Number.NaN],
    );
    assert.deepEqual([...decodeTensor(float32Tensor([2], [0.1, -3]))], [Math.fround(0.1), -3]);
    assert.throws(() => decodeTensor({ dtype: 'I8', shape: [1], bytes: new Uint8Array(1) }), /I8/);
  });

  it('returns what was written, and notices bytes that belong to no tensor', () => {
    const tensors = {
      x: float32Tensor([2, 1], [1, 2]),
      y: { dtype: 'U8', shape: [3], bytes: Buffer.from('abc') },
    };
    const file = buildSafetensors(tensors, { made: 'here' });
    const parsed = parseSafetensors(file);
    assert.deepEqual(parsed.metadata, { made: 'here' });
    assert.deepEqual([...parsed.tensors.keys()], ['x', 'y']);
    assert.equal(Buffer.from(parsed.tensors.get('y')!.bytes).toString(), 'abc');
    assert.throws(() => parseSafetensors(Buffer.concat([file, Buffer.of(0)])), /byte/);
    assert.throws(() => parseSafetensors(assembleSafetensors('{}', Buffer.of(1, 2))), /byte/);
  });

  it('reads a trained adapter', () => {
    const { modules, passthrough } = readPeftAdapter(EXAMPLE);
    assert.equal(modules.size, 36);
    assert.equal(passthrough.size, 0);
    const attention = modules.get('transformer.h.0.attn.c_attn')!;
    assert.deepEqual([attention.rank, attention.scale], [8, 2]);
    assert.deepEqual([attention.b.rows, attention.b.columns, attention.a.columns], [2304, 8, 768]);
  });

  it('reads rank and alpha from patterns, rsLoRA, convolutions and embeddings like PEFT', () => {
    const tensors = {
      [`${BASE}x.q_proj.lora_A.weight`]: asF32(gaussianMatrix(4, 6, 1)),
      [`${BASE}x.q_proj.lora_B.weight`]: asF32(gaussianMatrix(5, 4, 2)),
      [`${BASE}conv.lora_A.weight`]: asF32(gaussianMatrix(2, 27, 3), [2, 3, 3, 3]),
      [`${BASE}conv.lora_B.weight`]: asF32(gaussianMatrix(7, 2, 4), [7, 2, 1, 1]),
      [`${BASE}embed.lora_embedding_A`]: asF32(gaussianMatrix(2, 11, 5)),
      [`${BASE}embed.lora_embedding_B`]: asF32(gaussianMatrix(3, 2, 6)),
      [`${BASE}head.weight`]: float32Tensor([1], [1]),
    };
    const config = {
      r: 2,
      lora_alpha: 8,
      rank_pattern: { 'q_(proj|x)': 4 },
      alpha_pattern: { conv: 3, '^x': 9 },
    };
    const read = (extra = {}) =>
      parsePeftAdapter(buildSafetensors(tensors), JSON.stringify({ ...config, ...extra }));
    const { modules, passthrough } = read();
    assert.deepEqual([...passthrough.keys()], [`${BASE}head.weight`]);
    assert.deepEqual(
      [...modules].map(([name, module]) => [
        name,
        module.rank,
        module.scale,
        module.b.rows,
        module.a.columns,
      ]),
      [
        ['conv', 2, 1.5, 7, 27],
        ['embed', 2, 4, 3, 11],
        ['x.q_proj', 4, 2, 5, 6],
      ],
    );
    assert.equal(read({ use_rslora: true }).modules.get('x.q_proj')!.scale, 4);
    assert.throws(() => read({ rank_pattern: {} }), /x\.q_proj.*rank 2.*4 and 4/);
  });
});

describe('oracle: scores', () => {
  const SIGMA = [5, 4, 2, 1, 0.5, 0.25];
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'oracle-'));
  });
  after(() => rmSync(dir, { recursive: true }));

  function writeAdapter(name: string, tensors: Record<string, Tensor>, config: object) {
    const folder = join(dir, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, WEIGHTS), buildSafetensors(tensors, { format: 'pt' }));
    writeFileSync(join(folder, CONFIG), JSON.stringify(config));
    return folder;
  }
  const pair = (name: string, b: Tensor, a: Tensor) => ({
    [`${BASE}${name}.lora_A.weight`]: a,
    [`${BASE}${name}.lora_B.weight`]: b,
  });
  const left = orthonormalColumns(40, 6, 1);
  const right = transpose(orthonormalColumns(30, 6, 2));
  const cutTo = (rank: number, scale: number) => ({
    b: multiply(
      left,
      matrix(
        6,
        rank,
        diagonal(SIGMA).data.filter((_, at) => at % 6 < rank),
      ),
    ),
    a: matrix(
      rank,
      30,
      right.data.subarray(0, rank * 30).map((x) => x / scale),
    ),
  });

  it('call the optimal truncation optimal, and a worse one worse', () => {
    const source = cutTo(6, 0.5);
    const best = cutTo(2, 4);
    const from = writeAdapter('source', pair('m', asF32(source.b), asF32(source.a)), { r: 6, lora_alpha: 3 });
    const to = writeAdapter('best', pair('m', asF32(best.b), asF32(best.a)), { r: 2, lora_alpha: 8 });
    const score = scoreAdapter(readPeftAdapter(from), readPeftAdapter(to)).get('m')!;
    const optimum = Math.hypot(2, 1, 0.5, 0.25) / Math.hypot(...SIGMA);
    assert.ok(Math.abs(score.optimalError - optimum) < 1e-7);
    assert.ok(Math.abs(score.actualError - optimum) < 1e-7);
    assert.ok(score.actualError <= allowedError(score, 1e-6));
    assert.ok(Math.abs(overallError([score]) - score.actualError) < 1e-15);

    const tilted = matrix(
      40,
      2,
      best.b.data.map((x, at) => x * (at % 2 ? 1.002 : 1)),
    );
    const worse = writeAdapter('worse', pair('m', asF32(tilted), asF32(best.a)), { r: 2, lora_alpha: 8 });
    const bad = scoreAdapter(readPeftAdapter(from), readPeftAdapter(worse)).get('m')!;
    assert.ok(bad.actualError > allowedError(bad, 1e-6));
  });

  it('allow rounding to 16 bits, and no more than that', () => {
    const source = factorsWithSpectrum(200, 150, SIGMA, 5);
    const from = writeAdapter('exact', pair('m', asF32(source.b), asF32(source.a)), { r: 6, lora_alpha: 6 });
    const cut = writeAdapter('cut', pair('m', asBF16(source.b), asBF16(source.a)), { r: 6, lora_alpha: 6 });
    const score = scoreAdapter(readPeftAdapter(from), readPeftAdapter(cut)).get('m')!;
    assert.ok(score.optimalError === 0 && score.actualError > 1e-4);
    assert.ok(score.actualError <= allowedError(score, 0));
    const wrongScale = writeAdapter('wrong', pair('m', asBF16(source.b), asBF16(source.a)), {
      r: 6,
      lora_alpha: 6.2,
    });
    const bad = scoreAdapter(readPeftAdapter(from), readPeftAdapter(wrongScale)).get('m')!;
    assert.ok(bad.actualError > allowedError(bad, 1e-3));
  });

  it('require an update of zero to stay zero', () => {
    const zero = matrix(5, 2);
    const other = gaussianMatrix(2, 4, 1);
    const config = { r: 2, lora_alpha: 2 };
    const from = writeAdapter('zero', pair('m', asF32(zero), asF32(other)), config);
    const moved = writeAdapter('moved', pair('m', randomF16(5, 2, 3), asF32(other)), config);
    const same = scoreAdapter(readPeftAdapter(from), readPeftAdapter(from)).get('m')!;
    assert.deepEqual([same.energy, same.optimalError, same.actualError, allowedError(same, 1)], [0, 0, 0, 0]);
    const bad = scoreAdapter(readPeftAdapter(from), readPeftAdapter(moved)).get('m')!;
    assert.ok(bad.actualError > allowedError(bad, 1));
  });

  it('refuse to compare different modules', () => {
    const config = { r: 2, lora_alpha: 2 };
    const tensors = (name: string) =>
      pair(name, asF32(gaussianMatrix(3, 2, 1)), asF32(gaussianMatrix(2, 3, 2)));
    const [x, y] = ['x', 'y'].map((name) => readPeftAdapter(writeAdapter(name, tensors(name), config)));
    assert.throws(() => scoreAdapter(x!, y!), /different modules/);
  });

  it('agree with numpy for every dtype, kind and scale', { skip: skipWithoutNumpy() }, async () => {
    const tensors = (rank: number, seed: number, convert: (m: Matrix) => Tensor) => ({
      ...pair('plain', convert(gaussianMatrix(64, rank, seed)), convert(gaussianMatrix(rank, 48, seed + 1))),
      ...pair('half', randomF16(20, rank, seed + 2), randomF16(rank, 30, seed + 3)),
      ...pair('low', convert(gaussianMatrix(2, rank, seed + 4)), convert(gaussianMatrix(rank, 3, seed + 5))),
      ...pair('none', convert(matrix(9, rank)), convert(gaussianMatrix(rank, 9, seed + 6))),
      ...pair('huge', asF32(gaussianMatrix(9, rank, seed + 7)), asF32(gaussianMatrix(rank, 9, seed + 8))),
      [`${BASE}e.lora_embedding_A`]: asF32(gaussianMatrix(rank, 50, seed + 9)),
      [`${BASE}e.lora_embedding_B`]: asF32(gaussianMatrix(8, rank, seed + 10)),
      [`${BASE}kept`]: float32Tensor([1], [1]),
    });
    const from = writeAdapter('n0', tensors(6, 100, asF32), {
      r: 6,
      lora_alpha: 12,
      use_rslora: true,
      alpha_pattern: { huge: 1e30, 'nothing.*': 3 },
    });
    const outs = [
      writeAdapter('n1', tensors(3, 200, asBF16), { r: 9, lora_alpha: 5, rank_pattern: { '.*': 3 } }),
      writeAdapter('n2', tensors(1, 300, asF32), { r: 1, lora_alpha: 0.5, alpha_pattern: { huge: 1e30 } }),
      from,
    ];
    const theirs = await scoreWithNumpy(from, outs);
    const source = readPeftAdapter(from);
    outs.forEach((out, at) => {
      const ours = scoreAdapter(source, readPeftAdapter(out));
      assert.deepEqual([...ours.keys()].sort(), Object.keys(theirs[at]!).sort());
      for (const [name, score] of ours) {
        const other = theirs[at]![name]!;
        const near = (x: number, y: number) => Math.abs(x - y) <= 1e-12 * Math.max(1, Math.abs(x));
        assert.equal(score.rank, other.rank);
        assert.ok(near(score.energy / (other.energy || 1), other.energy ? 1 : 0), `${name}: energy`);
        assert.ok(near(score.optimalError, other.optimal_error), `${name}: optimum`);
        assert.ok(
          near(score.actualError, other.actual_error ?? Infinity) || other.actual_error === null,
          name,
        );
        assert.equal(score.actualError === Infinity, other.actual_error === null, name);
        score.sigma.forEach((sigma, i) => {
          assert.ok(
            near(sigma / (score.sigma[0] || 1), other.sigma[i]! / (other.sigma[0] || 1)),
            `${name}: σ${i}`,
          );
        });
      }
    });
  });

  it('agree with numpy for a trained adapter', { skip: skipWithoutNumpy() }, async () => {
    const [theirs] = await scoreWithNumpy(EXAMPLE, [EXAMPLE]);
    const source = readPeftAdapter(EXAMPLE);
    for (const [name, score] of scoreAdapter(source, source)) {
      assert.ok(score.actualError < 1e-14);
      score.sigma.forEach((sigma, i) => {
        assert.ok(Math.abs(sigma - theirs![name]!.sigma[i]!) < 1e-13 * score.sigma[0]!, `${name}: σ${i}`);
      });
    }
  });
});
