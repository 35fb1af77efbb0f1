import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import { runPython, skipWithoutPython } from '../../clients/python.ts';
import { allowedError, scoreAdapter } from '../../oracle/score.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import { parseKohyaAdapter } from './kohya-oracle.ts';
import { RESIZES, resizable, targetOf } from './resized.ts';

describe('compat kohya', { skip: skipWithoutPython('numpy') }, () => {
  let pool: ComputePool;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'resized-'));
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  it('gives each module of a file the rank of the definition, and the best update of that rank', async () => {
    const weights = resizable();
    const path = join(folder, 'lora.safetensors');
    writeFileSync(path, weights);
    const script = join(import.meta.dirname, 'resized_ranks.py');
    const expected = await runPython<Record<string, number>[]>(script, path, JSON.stringify(RESIZES));
    const made = await squeezeToEach(pool, { weights, config: null }, RESIZES.map(targetOf));
    const source = parseKohyaAdapter(weights);
    const seen = new Set<number>();
    for (const [index, result] of made.entries()) {
      const what = JSON.stringify(RESIZES[index]);
      // If all ranks stay, the source is the result.
      const adapter = result ? parseKohyaAdapter(result.weights) : source;
      const ranks = Object.fromEntries([...adapter.modules].map(([name, { rank }]) => [name, rank]));
      assert.deepEqual(ranks, expected[index], what);
      for (const rank of Object.values(ranks)) seen.add(rank);
      for (const [name, score] of scoreAdapter(source, adapter))
        assert.ok(score.actualError <= allowedError(score, 1e-6), `${name}, ${what}: ${score.actualError}`);
    }
    assert.ok(seen.size >= 8, `ranks ${[...seen]} are few to compare`);
  });
});
