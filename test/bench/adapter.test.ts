import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type AdapterSpec,
  factorBytes,
  llamaAdapter,
  squareAdapter,
} from '../../bench/adapter/adapter-spec.ts';
import { bfloat16 } from '../../bench/adapter/bfloat16.ts';
import { factors, spectrum } from '../../bench/adapter/factors.ts';
import { random } from '../../bench/adapter/random.ts';
import { rotateRows, rotations } from '../../bench/adapter/rotate-rows.ts';
import { moduleSource, WEIGHTS, writeAdapter } from '../../bench/adapter/write-adapter.ts';
import fc from '../fast-check.ts';
import {
  type Matrix,
  matrix,
  multiply,
  singularValuesOfProduct,
  transpose,
} from '../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';

const SMALL: AdapterSpec = {
  name: 'small',
  rank: 12,
  modules: [
    { name: 'base_model.model.layers.0.q_proj', outFeatures: 96, inFeatures: 80 },
    { name: 'base_model.model.layers.0.up_proj', outFeatures: 130, inFeatures: 41 },
    { name: 'base_model.model.layers.1.q_proj', outFeatures: 96, inFeatures: 80 },
  ],
};

/** The largest difference between two spectra, divided by the largest value. */
function distance(actual: Float64Array, expected: Float64Array): number {
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / expected[0]!;
}

const offIdentity = (square: Matrix) =>
  Math.max(
    ...square.data.map((value, at) =>
      Math.abs(value - (Math.floor(at / square.columns) === at % square.columns ? 1 : 0)),
    ),
  );

describe('bench: factors', () => {
  it('have the requested singular values, whatever the shape', () => {
    const shape = fc
      .record({ rank: fc.integer({ min: 1, max: 20 }), extra: fc.tuple(fc.nat(60), fc.nat(60)) })
      .map(({ rank, extra }) => ({
        rank,
        outFeatures: rank + 1 + extra[0],
        inFeatures: rank + 1 + extra[1],
      }));
    fc.assert(
      fc.property(shape, fc.integer(), ({ rank, outFeatures, inFeatures }, seed) => {
        const sigma = spectrum(rank, 0.7);
        const { a, b } = factors({ outFeatures, inFeatures }, sigma, random(seed));
        const found = singularValuesOfProduct(matrix(outFeatures, rank, b), matrix(rank, inFeatures, a));
        assert.ok(distance(found, sigma) < 1e-6, `off by ${distance(found, sigma)}`);
      }),
      { numRuns: 40 },
    );
  });

  it('are neither orthogonal nor balanced, like those of trained adapters', () => {
    const rank = 16;
    const { a, b } = factors({ outFeatures: 200, inFeatures: 150 }, spectrum(rank, 1), random(5));
    const gramA = multiply(matrix(rank, 150, a), transpose(matrix(rank, 150, a)));
    const gramB = multiply(transpose(matrix(200, rank, b)), matrix(200, rank, b));
    for (const { data } of [gramA, gramB]) {
      const coupling = Math.abs(data[1]!) / Math.sqrt(data[0]! * data[rank + 1]!);
      assert.ok(coupling > 0.01, `rows 0 and 1 are all but orthogonal: ${coupling}`);
    }
    const imbalance = gramA.data.map((value, at) => Math.abs(value - gramB.data[at]!));
    assert.ok(Math.max(...imbalance) > 0.05, 'A and B have the same Gram matrix');
  });

  it('need more features than their rank', () => {
    assert.throws(() => factors({ outFeatures: 8, inFeatures: 9 }, spectrum(8, 1), random(1)), /more than 8/);
  });

  it('are mixed by an orthogonal map in which every row depends on every row', () => {
    for (const count of [1, 2, 3, 8, 12, 31]) {
      const rows = new Float32Array(count * count);
      for (let i = 0; i < count; i++) rows[i * count + i] = 1;
      rotateRows(rows, count, rotations(count, random(count)));
      const map = matrix(count, count, rows);
      assert.ok(offIdentity(multiply(map, transpose(map))) < 1e-6);
      const isPowerOfTwo = (count & (count - 1)) === 0;
      if (isPowerOfTwo) assert.ok(rows.every((value) => value !== 0));
    }
  });
});

describe('bench: bfloat16', () => {
  const bits = (value: number) => new Uint16Array(bfloat16(Float32Array.of(value)).buffer)[0]!;

  it('rounds to nearest, ties to even', () => {
    assert.equal(bits(1), 0x3f80);
    assert.equal(bits(-2), 0xc000);
    assert.equal(bits(1 + 2 ** -8), 0x3f80); // a tie, rounded down to even
    assert.equal(bits(1 + 3 * 2 ** -8), 0x3f82); // a tie, rounded up to even
    assert.equal(bits(1 + 2 ** -8 + 2 ** -20), 0x3f81);
    assert.equal(bits(-0), 0x8000);
  });
});

describe('bench: adapter', () => {
  let dir: string;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bench-adapter-'));
    await writeAdapter(join(dir, 'first'), SMALL);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(dir, name, WEIGHTS)))
      .digest('hex');

  it('is a PEFT adapter whose modules have the requested spectra', () => {
    const { modules, passthrough } = readPeftAdapter(join(dir, 'first'));
    assert.equal(passthrough.size, 0);
    assert.equal(modules.size, SMALL.modules.length);
    SMALL.modules.forEach(({ name, outFeatures, inFeatures }, index) => {
      const { a, b, dtype, scale } = modules.get(name.replace('base_model.model.', ''))!;
      assert.deepEqual([b.rows, b.columns, a.rows, a.columns], [outFeatures, 12, 12, inFeatures]);
      assert.deepEqual([dtype, scale], ['BF16', 2]);
      const promised = spectrum(12, moduleSource(index).size);
      // bfloat16 has 8 significant bits, so each number is off by at most 2⁻⁹.
      const off = distance(singularValuesOfProduct(b, a), promised);
      assert.ok(off < 2 ** -8, `${name}: off by ${off}`);
    });
  });

  it('has a header, and as many bytes as announced', () => {
    const headerBytes = Number(readFileSync(join(dir, 'first', WEIGHTS)).readBigUInt64LE(0)) + 8;
    assert.equal(headerBytes % 8, 0);
    assert.equal(statSync(join(dir, 'first', WEIGHTS)).size, headerBytes + factorBytes(SMALL));
  });

  it('is the same each time, but its modules differ from each other', async () => {
    await writeAdapter(join(dir, 'second'), SMALL);
    assert.equal(digest('second'), digest('first'));
    assert.deepEqual(readdirSync(join(dir, 'second')).sort(), ['adapter_config.json', WEIGHTS]);
    const { modules } = readPeftAdapter(join(dir, 'first'));
    assert.notDeepEqual(modules.get('layers.0.q_proj')!.a.data, modules.get('layers.1.q_proj')!.a.data);
  });

  it('is not written again if it exists', async () => {
    const { mtimeMs } = statSync(join(dir, 'first', WEIGHTS));
    await writeAdapter(join(dir, 'first'), SMALL);
    assert.equal(statSync(join(dir, 'first', WEIGHTS)).mtimeMs, mtimeMs);
  });

  it('has the shapes of the benchmark', () => {
    const llama = llamaAdapter(64);
    assert.equal(llama.modules.length, 224);
    assert.equal(factorBytes(llama), 319_815_680);
    assert.equal(new Set(llama.modules.map(({ name }) => name)).size, 224);
    assert.equal(factorBytes(squareAdapter(1, 4096, 64)), 2 ** 20);
    assert.equal(squareAdapter(4000, 1024, 16).modules.length, 4000);
    assert.notEqual(llamaAdapter(64).name, llamaAdapter(16).name);
  });
});
