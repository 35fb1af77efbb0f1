import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { llamaAdapter } from '../../bench/adapter/adapter-spec.ts';
import { readOnce, writeOnce } from '../../bench/floor/disk-speed.ts';
import { type FloorMeasurements, floorPage, floorSeconds } from '../../bench/floor/floor-page.ts';
import { gemmRate } from '../../bench/floor/gemm-rate.ts';
import { operations } from '../../bench/floor/operations.ts';

const MEASURED: FloorMeasurements = {
  spec: llamaAdapter(64),
  targetRank: 16,
  cores: 2,
  resultBytes: 80e6,
  readSeconds: 0.1,
  writeSeconds: 0.2,
  operations: { gram: 20e9, project: 5e9 },
  gemmRate: 50e9,
  jobs: new Map([
    ['rsvd', [1.3, 1.1, 1.0]],
    ['exact', [2.2]],
  ]),
};

describe('bench: floor', () => {
  it('counts the products of every module', () => {
    const spec = {
      name: 'two',
      rank: 4,
      modules: [
        { name: 'x', outFeatures: 10, inFeatures: 20 },
        { name: 'y', outFeatures: 5, inFeatures: 5 },
      ],
    };
    // 2·(30 + 10)·4·4, and the same with k = 3 in place of one r.
    assert.deepEqual(operations(spec, 3), { gram: 1280, project: 960 });
  });

  it('is the sum of steps that run one after the other', () => {
    const { read, write, gram, project, total } = floorSeconds(MEASURED);
    assert.deepEqual([read, write, gram, project], [0.1, 0.2, 0.2, 0.05]);
    assert.ok(Math.abs(total - 0.55) < 1e-12);
  });

  it('is the divisor of the median job', () => {
    const page = floorPage(MEASURED);
    assert.match(page, /^\| rsvd +\| +1\.10 \| +2\.00 \|$/m);
    assert.match(page, /^\| exact +\| +2\.20 \| +4\.00 \|$/m);
    assert.match(page, /^\| read all bytes once +\| +320 MB \| +3\.20 GB\/s \| +0\.10 \|$/m);
  });
});

describe('bench: speed of the machine', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'bench-floor-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('reads files of any length, and removes the files that it wrote', async () => {
    const path = join(dir, 'read.bin');
    for (const bytes of [0, 1, 5 * 2 ** 20 + 1]) {
      writeFileSync(path, Buffer.alloc(bytes));
      const seconds = await readOnce(path);
      assert.ok(Number.isFinite(seconds) && seconds >= 0);
    }
    assert.ok((await writeOnce(join(dir, 'written.bin'), 5 * 2 ** 20 + 1)) > 0);
    assert.deepEqual(readdirSync(dir), ['read.bin']);
  });

  it('multiplies matrices', async () => {
    const rate = await gemmRate(64, 48, 8);
    assert.ok(Number.isFinite(rate) && rate > 0);
  });
});
