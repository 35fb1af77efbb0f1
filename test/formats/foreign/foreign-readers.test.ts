import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import {
  GGUF_ARCHITECTURES,
  ggufArchitecture,
  ggufName,
} from '../../../src/formats/convert/gguf-architectures.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { type SqueezedBytes, squeezeBytes } from '../squeezing-files.ts';

/*
 * Debian does not package these programs: the tests run if PYTHONPATH leads to their sources.
 * docs/format-checks.md has the versions that ran.
 */
const HERE = import.meta.dirname;
const FIXTURES = join(HERE, '../../fixtures/adapters');

describe('what other programs read from our files', () => {
  let pool: ComputePool;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foreign-'));
    pool = await ComputePool.start('cpu', 2);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  async function squeezed(fixture: string, target: Target): Promise<SqueezedBytes> {
    const dir = join(FIXTURES, fixture);
    const files = readdirSync(dir);
    const config = files.includes('adapter_config.json')
      ? readFileSync(join(dir, 'adapter_config.json'), 'utf8')
      : null;
    const weights = readFileSync(join(dir, files.find((file) => file.endsWith('.safetensors'))!));
    return (await squeezeBytes(pool, { weights, config }, target))!;
  }

  it('PEFT: every field of every configuration, with the value that we wrote', {
    skip: skipWithoutPython('peft'),
  }, async () => {
    const results: [string, Target][] = [
      ['peft-gpt2-mycguo', { rank: 4 }],
      ['peft-gpt2-deepbiolab', { energy: 0.9 }],
      ['peft-gpt2-niket', { tolerance: 0.2, scale: 'keep' }],
      ['peft-mountain', { rank: 3, scale: 'sqrt' }],
      ['peft-sd-skinlesion', { rank: 2 }],
      ['mlx-qwen25-05b-r8', { rank: 4, format: 'peft' }],
      ['derived-kohya-skinlesion', { rank: 2, format: 'peft' }],
    ];
    const configs: Record<string, unknown>[] = [];
    const folders: string[] = [];
    for (const [fixture, target] of results) {
      const { config } = await squeezed(fixture, target);
      const dir = join(folder, `peft-${folders.length}`);
      mkdirSync(dir);
      writeFileSync(join(dir, 'adapter_config.json'), config!);
      configs.push(JSON.parse(config!));
      folders.push(dir);
    }
    const script = join(HERE, 'load_peft_config.py');
    const loaded = await runPythonWithPackages<Record<string, unknown>[]>(script, ...folders);
    for (const [index, config] of configs.entries()) {
      const fields = Object.entries(config);
      assert.deepEqual(
        Object.fromEntries(fields.map(([field]) => [field, unordered(loaded[index]![field])])),
        Object.fromEntries(fields.map(([field, value]) => [field, unordered(value)])),
        results[index]![0],
      );
    }
  });

  it('gguf-py: names the modules of every architecture like us', {
    skip: skipWithoutPython('gguf'),
  }, async () => {
    const paths = GGUF_ARCHITECTURES.map((name): [string, Record<string, string>] => {
      const { layer, model, layers } = ggufArchitecture(name)!.architecture;
      // Stacked experts have the paths of mlx-lm, which gguf-py does not know.
      const ofLayer = [...layer.keys()].filter((path) => !path.includes('switch_mlp'));
      const all = [...ofLayer.map((path) => `${layers}.1.${path}`), ...model.keys()];
      const { architecture } = ggufArchitecture(name)!;
      return [name, Object.fromEntries(all.map((path) => [path, ggufName(architecture, path)!]))];
    });
    const asked = Object.fromEntries(paths.map(([name, names]) => [name, Object.keys(names)]));
    const namesByArchitecture = await runPythonWithPackages<Record<string, Record<string, string | null>>>(
      join(HERE, 'name_with_gguf_py.py'),
      JSON.stringify(asked),
    );
    // Older releases lack the newest architectures.
    assert.ok(Object.keys(namesByArchitecture).length > 15, Object.keys(namesByArchitecture).join());
    for (const [name, names] of paths)
      if (namesByArchitecture[name]) assert.deepEqual(namesByArchitecture[name], names, name);
  });

  it('gguf-py: reads keys, shapes and numbers', { skip: skipWithoutPython('gguf') }, async () => {
    const target: Target = {
      rank: 4,
      dtype: 'float32',
      format: 'gguf',
      format_options: { architecture: 'gpt2' },
    };
    const { weights } = await squeezed('peft-gpt2-mycguo', target);
    const path = join(folder, 'adapter.gguf');
    writeFileSync(path, weights);
    const { keys, tensors } = await runPythonWithPackages<{
      keys: Record<string, unknown>;
      tensors: Record<string, { shape: number[]; sum: number }>;
    }>(join(HERE, 'read_with_gguf_py.py'), path);
    assert.equal(keys['general.type'], 'adapter');
    assert.equal(keys['adapter.type'], 'lora');
    assert.equal(keys['adapter.lora.alpha'], 4);
    assert.equal(Object.keys(tensors).length, 72);
    // llama.cpp puts the innermost dimension first.
    assert.deepEqual(tensors['blk.0.attn_qkv.weight.lora_a']!.shape, [768, 4]);
    assert.deepEqual(tensors['blk.0.attn_qkv.weight.lora_b']!.shape, [4, 2304]);
    assert.ok(Object.values(tensors).every(({ sum }) => Number.isFinite(sum) && sum !== 0));
  });
});

/** PEFT keeps some lists as sets. */
const unordered = (value: unknown): unknown => (Array.isArray(value) ? [...value].sort() : value);
