import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { AdapterFiles } from '../../../src/formats/read-adapter.ts';
import { readAdapter } from '../../../src/formats/read-adapter.ts';
import { differenceNorm, type Matrix, matrix, productNorm, transpose } from '../../oracle/linear-algebra.ts';
import { type OracleAdapter, readPeftAdapter } from '../../oracle/peft-adapter.ts';
import { decodeTensor, readSafetensors, type Tensor, tensorMatrix } from '../../oracle/safetensors.ts';
import { makeAdapter, someModules } from '../../squeeze/make-adapter.ts';
import { Conversions } from './converted-files.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/adapters');
const conversions = new Conversions();
let pool: ComputePool;

before(async () => {
  pool = await ComputePool.start('cpu', 2);
});
after(async () => {
  conversions.remove();
  await pool.close();
});

const folder = (dir: string, weights = 'adapter_model.safetensors'): AdapterFiles => ({
  weightsPath: join(dir, weights),
  configBytes: readFileSync(join(dir, 'adapter_config.json')),
});
const fixture = (name: string): string => join(FIXTURES, name);
const convert = (files: AdapterFiles, target: Target) => conversions.run(pool, files, target);

interface Update {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly scale: number;
}

/** ‖ΔW − ΔW′‖. */
const distance = (one: Update, other: Update): number =>
  differenceNorm(one.b, one.a, one.scale, other.b, other.a, other.scale);

/** Every ΔW of one equals that of the other, up to the rounding of the dtype. */
function assertSame(actual: OracleAdapter, expected: OracleAdapter, tolerance = 1e-6): void {
  assert.deepEqual([...actual.modules.keys()].sort(), [...expected.modules.keys()].sort());
  for (const [name, one] of expected.modules) {
    const { a, b, scale } = actual.modules.get(name)!;
    const difference = distance({ a, b, scale }, one);
    assert.ok(difference <= tolerance * productNorm(one.b, one.a, one.scale), `${name}: ${difference}`);
  }
}

/** kohya's pair of factors of a module, scaled by its alpha. */
function kohyaModule(tensors: ReadonlyMap<string, Tensor>, name: string): Update {
  const a = tensorMatrix(tensors.get(`${name}.lora_down.weight`)!);
  const b = tensorMatrix(tensors.get(`${name}.lora_up.weight`)!);
  return { a, b, scale: decodeTensor(tensors.get(`${name}.alpha`)!)[0]! / a.rows };
}

describe('real adapters in other formats', () => {
  it('of Stable Diffusion go from PEFT to kohya, module by module', async () => {
    const dir = fixture('peft-sd-skinlesion');
    const source = readPeftAdapter(dir);
    for (const scale of ['fold', 'keep'] as const) {
      const { weightsPath, configBytes } = await convert(folder(dir), { format: 'kohya', scale });
      assert.equal(configBytes, null);
      const { tensors, metadata } = readSafetensors(weightsPath);
      assert.equal(tensors.size, 3 * source.modules.size);
      assert.equal(metadata.ss_network_module, 'networks.lora');
      for (const [path, module] of source.modules) {
        const kohya = kohyaModule(tensors, `lora_unet_${path.replaceAll('.', '_')}`);
        const norm = productNorm(module.b, module.a, module.scale);
        assert.ok(distance(kohya, module) <= 1e-6 * norm, path);
        assert.ok(scale === 'fold' ? kohya.scale === 1 : kohya.scale === module.scale);
      }
    }
  });

  it('of Stable Diffusion go from kohya back to the same PEFT adapter, also through diffusers', async () => {
    const dir = fixture('peft-sd-skinlesion');
    const source = readPeftAdapter(dir);
    const kohya = await convert(folder(dir), { format: 'kohya' });
    const diffusers = await convert(kohya, { format: 'diffusers' });
    for (const from of [kohya, diffusers]) {
      const peft = await convert(from, { format: 'peft', format_options: { base_model: 'runwayml/sd' } });
      assertSame(readPeftAdapter(peft.dir), source);
      const config = JSON.parse(Buffer.from(peft.configBytes!).toString());
      assert.equal(config.base_model_name_or_path, 'runwayml/sd');
      assert.equal(config.target_modules.length, source.modules.size);
    }
  });

  it('by kohya go to PEFT with the requested ranks', async () => {
    const weightsPath = join(fixture('derived-kohya-skinlesion'), 'skinlesion_kohya.safetensors');
    const peft = await convert({ weightsPath, configBytes: null }, { format: 'peft' });
    // float16 in both.
    assertSame(readPeftAdapter(peft.dir), readPeftAdapter(fixture('peft-sd-skinlesion')), 2e-3);
    const squeezed = await convert({ weightsPath, configBytes: null }, { rank: 2, format: 'peft' });
    for (const { rank } of readPeftAdapter(squeezed.dir).modules.values()) assert.equal(rank, 2);
  });

  it('of MLX go to PEFT and GGUF and back, with their single scale', async () => {
    const dir = fixture('mlx-qwen25-05b-r8');
    const mlx = folder(dir, 'adapters.safetensors');
    const { tensors } = readSafetensors(mlx.weightsPath);
    const peft = await convert(mlx, { format: 'peft' });
    const found = readPeftAdapter(peft.dir);
    assert.equal(found.modules.size, 8);
    for (const [name, module] of found.modules) {
      const a = transpose(tensorMatrix(tensors.get(`${name}.lora_a`)!));
      const b = transpose(tensorMatrix(tensors.get(`${name}.lora_b`)!));
      const norm = productNorm(b, a, 10);
      assert.ok(norm > 0 && distance(module, { a, b, scale: 10 }) <= 1e-6 * norm, name);
    }
    const gguf = await convert(mlx, { format: 'gguf', format_options: { architecture: 'qwen2' } });
    assertSame(readPeftAdapter((await convert(gguf, { format: 'peft' })).dir), found);
    const back = await convert(peft, { format: 'mlx' });
    assertSame(readPeftAdapter((await convert(back, { format: 'peft' })).dir), found);
    const config = JSON.parse(Buffer.from(back.configBytes!).toString());
    assert.deepEqual(config.lora_parameters.keys, ['self_attn.q_proj', 'self_attn.v_proj']);
    assert.equal(config.fine_tune_type, 'lora');
  });

  it('of GPT-2 go to MLX and GGUF and back, without being transposed', async () => {
    const dir = fixture('peft-gpt2-niket');
    const source = readPeftAdapter(dir);
    const mlx = await convert(folder(dir), { format: 'mlx' });
    const names = [...readSafetensors(mlx.weightsPath).tensors.keys()];
    assert.ok(names.includes('model.h.0.attn.c_attn.lora_a'));
    const gguf = await convert(folder(dir), { format: 'gguf', format_options: { architecture: 'gpt2' } });
    for (const from of [mlx, gguf]) {
      const peft = await convert(from, { format: 'peft' });
      assertSame(readPeftAdapter(peft.dir), source);
      assert.equal(JSON.parse(Buffer.from(peft.configBytes!).toString()).fan_in_fan_out, true);
    }
  });

  it('are refused before any work if a tensor has no place', async () => {
    const refuses = (name: string, target: Target, words: RegExp) =>
      assert.rejects(
        () => convert(folder(fixture(name)), target),
        (error) =>
          error instanceof AppError && error.code === 'FORMAT_NOT_CONVERTIBLE' && words.test(error.message),
      );
    const gpt2: Target = { format: 'gguf', format_options: { architecture: 'gpt2' } };
    await refuses('peft-gpt2-deepbiolab', gpt2, /base_model\.model\.score\.weight/);
    await refuses('peft-mountain', { format: 'kohya' }, /format_options\.component/);
    await refuses('peft-mountain', { format: 'mlx' }, /stages\.0\.blocks\.0\.mlp\.fc1/);
  });
});

describe('a llama adapter in GGUF', () => {
  const NAMES = ['q_proj', 'k_proj', 'v_proj'].map((name) => `model.layers.0.self_attn.${name}`);
  const options = { architecture: 'llama', heads: 4, kv_heads: 2 };

  it('has its rows of q and k in pairs, which are restored', async () => {
    const modules = someModules(4).map(({ a }, index) => {
      const [b] = [
        matrix(
          32,
          4,
          Array.from({ length: 128 }, (_, at) => Math.sin(at * (index + 1)) + 0.1),
        ),
      ];
      return { name: NAMES[index]!, a, b };
    });
    const { dir, remove } = makeAdapter(modules);
    try {
      const source = readPeftAdapter(dir);
      const gguf = await convert(folder(dir), { format: 'gguf', format_options: options });
      assertSame(
        readPeftAdapter((await convert(gguf, { format: 'peft', format_options: options })).dir),
        source,
      );
      const { adapter } = await readAdapter(gguf);
      const bytes = readFileSync(gguf.weightsPath);
      for (const [tensor, path, heads] of [
        ['blk.0.attn_q', NAMES[0]!, 4],
        ['blk.0.attn_k', NAMES[1]!, 2],
        ['blk.0.attn_v', NAMES[2]!, null],
      ] as const) {
        const { b } = adapter.modules.find(({ name }) => name === tensor)!;
        const written = new Float32Array(
          bytes.buffer.slice(bytes.byteOffset + b.beginByte, bytes.byteOffset + b.endByte),
        );
        const half = heads === null ? 0 : 32 / heads / 2;
        for (let row = 0; row < 32; row++) {
          // Row 2i + j of a head corresponds to row j·half + i.
          const within = heads === null ? 0 : row % (2 * half);
          const from = heads === null ? row : row - within + (within % 2) * half + Math.floor(within / 2);
          for (let column = 0; column < 4; column++) {
            const wanted = 2 * source.modules.get(path)!.b.data[from * 4 + column]!;
            assert.ok(
              Math.abs(written[row * 4 + column]! - wanted) <= 1e-6 * Math.abs(wanted),
              `${tensor} ${row}`,
            );
          }
        }
      }
    } finally {
      remove();
    }
  });
});
