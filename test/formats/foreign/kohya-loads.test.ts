import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { optimalTruncation } from '../../oracle/linear-algebra.ts';
import { readSafetensors, tensorMatrix } from '../../oracle/safetensors.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import { identity, relativeDifference } from './updates.ts';

const RANK = 4;

describe('LyCORIS and sd-scripts compute the updates of our files', {
  skip: skipWithoutPython('lycoris', 'torch'),
}, () => {
  let pool: ComputePool;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kohya-loads-'));
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  it('for LoCon, LoHa, LoKr, Tucker and whole differences that LyCORIS wrote', async () => {
    const script = (name: string) => join(import.meta.dirname, name);
    await runPythonWithPackages(script('make_with_lycoris.py'), folder);
    const source = { weights: readFileSync(join(folder, 'lora.safetensors')), config: null };
    const dtype = 'float32';
    const made = await squeezeToEach(pool, source, [
      { format: 'kohya', dtype },
      { rank: RANK, dtype },
    ]);
    const results = made.map((result, index) => {
      const dir = join(folder, String(index));
      mkdirSync(dir);
      writeFileSync(join(dir, 'lora.safetensors'), result!.weights);
      copyFileSync(join(folder, 'layers.json'), join(dir, 'layers.json'));
      return dir;
    });
    const programs = await runPythonWithPackages<string[]>(script('load_kohya.py'), ...results);
    assert.ok(programs.includes('lycoris'));
    const { tensors } = readSafetensors(join(folder, 'deltas.safetensors'));
    assert.equal(tensors.size, 14);
    for (const program of programs) {
      const [whole, squeezed] = results.map(
        (dir) => readSafetensors(join(dir, `${program}.safetensors`)).tensors,
      );
      for (const [name, tensor] of tensors) {
        const update = tensorMatrix(tensor);
        const exact = relativeDifference(update, tensorMatrix(whole!.get(name)!));
        assert.ok(exact < 1e-5, `${program}, ${name}: ${exact}`);
        const lost = relativeDifference(update, tensorMatrix(squeezed!.get(name)!));
        const least = optimalTruncation(update, identity(update.columns), 1, RANK);
        assert.ok(lost < 1.001 * least + 1e-5, `${program}, ${name}: ${lost}, at best ${least}`);
      }
    }
  });
});
