import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { differenceNorm, productNorm } from '../../oracle/linear-algebra.ts';
import { parseKohyaAdapter } from '../kohya/kohya-oracle.ts';
import { RESIZES, resizable, targetOf } from '../kohya/resized.ts';
import { squeezeToEach } from '../squeezing-files.ts';

/**
 * sd-scripts decomposes in float32, which mixes directions whose singular values differ by a hundredth by
 * about 1e-5.
 */
const LIMIT = 1e-4;

describe('compat kohya and sd-scripts', { skip: skipWithoutPython('networks', 'torch') }, () => {
  let pool: ComputePool;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kohya-resizes-'));
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  it('give every module the same rank and the same update', async (t) => {
    const weights = resizable();
    const path = join(folder, 'lora.safetensors');
    writeFileSync(path, weights);
    await runPythonWithPackages(
      join(import.meta.dirname, 'resize_with_kohya.py'),
      path,
      folder,
      JSON.stringify(RESIZES),
    );
    const made = await squeezeToEach(pool, { weights, config: null }, RESIZES.map(targetOf));
    const source = parseKohyaAdapter(weights);
    let largest = 0;
    for (const [index, result] of made.entries()) {
      const ours = result ? parseKohyaAdapter(result.weights) : source;
      const theirs = parseKohyaAdapter(readFileSync(join(folder, `${index}.safetensors`)));
      assert.deepEqual([...ours.modules.keys()], [...theirs.modules.keys()]);
      for (const [name, { a, b, rank, scale }] of ours.modules) {
        const what = `${name}, ${JSON.stringify(RESIZES[index])}`;
        const other = theirs.modules.get(name)!;
        // sd-scripts adds a direction of zeros if all directions are kept.
        assert.equal(rank, Math.min(other.rank, source.modules.get(name)!.rank), what);
        const difference = differenceNorm(b, a, scale, other.b, other.a, other.scale);
        const share = difference / productNorm(b, a, scale);
        largest = Math.max(largest, share);
        assert.ok(share <= LIMIT, `${what}: ${share}`);
      }
    }
    t.diagnostic(`largest difference ${largest}`);
  });
});
