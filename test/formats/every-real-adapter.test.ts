import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Adapter } from '../../src/adapter/adapter.ts';
import type { FormatName } from '../../src/adapter/format-name.ts';
import { ComputePool } from '../../src/compute/pool.ts';
import type { Target } from '../../src/contract/target.ts';
import { decode } from '../../src/core/half.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { convertTargets } from '../../src/formats/convert/convert-targets.ts';
import { openAdapter } from '../../src/squeeze/open-adapter.ts';
import { ProgressTracker } from '../../src/squeeze/progress-tracker.ts';
import {
  differenceNorm,
  type Matrix,
  matrix,
  productNorm,
  singularValuesOfProduct,
  tailShare,
} from '../oracle/linear-algebra.ts';
import { readSafetensors } from '../oracle/safetensors.ts';
import { squeeze } from '../squeeze/successful-squeeze.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/adapters');
const PYTHON = '/usr/bin/python3';

interface Update {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly scale: number;
}

interface RealAdapter {
  readonly name: string;
  readonly weights: string;
  readonly config: string | null;
}

/** Every real adapter among the fixtures: a weights file, with its configuration if it has one. */
const REAL: readonly RealAdapter[] = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const dir = join(FIXTURES, name);
    const config = existsSync(join(dir, 'adapter_config.json')) ? join(dir, 'adapter_config.json') : null;
    const weights = readdirSync(dir).filter((file) => file.endsWith('.safetensors'));
    return weights.map((file) => ({ name: `${name}/${file}`, weights: join(dir, file), config }));
  });

const READ_WITH_PYTHON = `
import hashlib, json, sys
from safetensors import safe_open
for path in sys.argv[1:]:
    with safe_open(path, 'np') as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}
    print(json.dumps({key: [one.shape, hashlib.sha256(one.tobytes()).hexdigest()] for key, one in arrays.items()}))`;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The formats to which each is converted besides its own; other conversions are refused by name. */
const CONVERTED: Readonly<Record<string, readonly FormatName[]>> = {
  'peft-gpt2': ['mlx', 'gguf'],
  // A ConvNeXt, whose modules no other format has.
  'peft-mountain': [],
  'peft-sd': ['diffusers', 'kohya'],
  'derived-kohya': ['peft', 'diffusers'],
  // It has a text encoder too, while a folder of PEFT adapts one model.
  'derived-lycoris': ['diffusers'],
  mlx: ['peft', 'gguf'],
  cloneofsimo: [],
};

describe('every real adapter', () => {
  let pool: ComputePool;
  let folder: string;
  const written: string[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'real-'));
    pool = await ComputePool.start('cpu', 2);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  const scratch = (): string => mkdtempSync(join(folder, 'x-'));
  const bytesOf = (path: string | null): Uint8Array | null => (path === null ? null : readFileSync(path));

  /** The updates of an adapter, in float64. */
  async function updatesOf(weights: string, config: string | null): Promise<[Adapter, Map<string, Update>]> {
    const tracker = new ProgressTracker(() => {}, new AbortController().signal);
    const files = { weightsPath: weights, configBytes: bytesOf(config) };
    const { adapter, weightsPath } = await openAdapter(files, scratch(), pool, tracker);
    const bytes = readFileSync(weightsPath);
    const numbers = ({ dtype, beginByte, endByte }: Adapter['modules'][number]['a'], count: number) => {
      const values = new Float32Array(count);
      // A copy, so that it begins at an aligned offset.
      decode(dtype, Uint8Array.from(bytes.subarray(beginByte, endByte)), values);
      return values;
    };
    const updates = adapter.modules.map(({ name, a, b, rank, m, n, scale }): [string, Update] => [
      name,
      {
        a: matrix(rank, n, numbers(a, rank * n)),
        b: matrix(m, rank, numbers(b, m * rank)),
        scale,
      },
    ]);
    return [adapter, new Map(updates)];
  }

  async function squeezed({ weights, config }: RealAdapter, target: Target) {
    const { targets } = await squeeze(
      {
        kind: 'squeeze',
        sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
        weightsPath: weights,
        configBytes: bytesOf(config),
        targets: [target],
        options: { method: 'exact' },
        scratchDir: scratch(),
        onProgress: () => {},
        signal: new AbortController().signal,
      },
      pool,
    );
    const files = targets[0]!.files!;
    written.push(files[0]!.path);
    return updatesOf(files[0]!.path, files.find(({ name }) => name === 'adapter_config.json')?.path ?? null);
  }

  const optionsFor = (name: string, to: FormatName): Partial<Target> =>
    to === 'gguf' ? { format_options: { architecture: name.startsWith('mlx') ? 'qwen2' : 'gpt2' } } : {};

  for (const real of REAL) {
    it(`${real.name} goes to half its rank with the smallest possible error, in every possible format`, async () => {
      const [adapter, source] = await updatesOf(real.weights, real.config);
      const rank = adapter.configRank / 2;
      const [, own] = await squeezed(real, { rank, dtype: 'float32' });
      assert.deepEqual([...own.keys()], [...source.keys()]);
      for (const [name, update] of source) {
        const half = own.get(name)!;
        const sigma = singularValuesOfProduct(update.b, update.a);
        const norm = productNorm(update.b, update.a, update.scale);
        const difference = differenceNorm(update.b, update.a, update.scale, half.b, half.a, half.scale);
        const best = norm * tailShare(sigma, rank);
        assert.ok(difference <= best * (1 + 1e-6) + 1e-6 * norm, `${name}: ${difference}, at best ${best}`);
      }

      const reached: FormatName[] = [];
      for (const { format } of convertTargets(adapter.format)) {
        const target: Target = {
          rank,
          dtype: 'float32',
          format,
          strip: ['heads'],
          ...optionsFor(real.name, format),
        };
        try {
          const [converted, updates] = await squeezed(real, target);
          assert.equal(converted.format, format);
          assertSame([...updates.values()], [...own.values()], `${real.name} as ${format}`);
          reached.push(format);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          assert.equal(error.code, 'FORMAT_NOT_CONVERTIBLE', error.message);
          assert.match(error.message, /"[^"]+"/, 'names what has no place');
        }
      }
      const [, wanted] = Object.entries(CONVERTED).find(([start]) => real.name.startsWith(start))!;
      assert.deepEqual(reached.sort(), [...wanted].sort());
    });
  }

  it('is read by the safetensors of Python with the values that we wrote', (test) => {
    try {
      execFileSync(PYTHON, ['-c', 'import safetensors.numpy'], { stdio: 'ignore' });
    } catch {
      console.error(
        'SKIPPED: /usr/bin/python3 has no safetensors (Debian: apt-get install python3-safetensors)',
      );
      return test.skip('safetensors is not installed for Python');
    }
    const files = written.filter((path) => path.endsWith('.safetensors'));
    assert.ok(files.length > REAL.length);
    const output = execFileSync(PYTHON, ['-c', READ_WITH_PYTHON, ...files], { encoding: 'utf8' });
    const lines = output.trim().split('\n');
    assert.equal(lines.length, files.length);
    for (const [index, line] of lines.entries()) {
      const { tensors } = readSafetensors(files[index]!);
      const expected = [...tensors].map(
        ([name, { shape, bytes }]) => [name, [shape, sha256(bytes)]] as const,
      );
      assert.deepEqual(JSON.parse(line), Object.fromEntries(expected), files[index]);
    }
  });
});

/** Properties of an update without its name: its shape, its size, and its products with two fixed vectors. */
function fingerprint({ a, b, scale }: Update): { shape: string; norm: number; probe: number } {
  const wave = (length: number, step: number) =>
    Float64Array.from({ length }, (_, i) => Math.cos(1 + step * i));
  const [u, v] = [wave(b.rows, 0.7), wave(a.columns, 0.3)];
  let probe = 0;
  for (let k = 0; k < a.rows; k++) {
    let left = 0;
    let right = 0;
    for (let i = 0; i < b.rows; i++) left += u[i]! * b.data[i * b.columns + k]!;
    for (let j = 0; j < a.columns; j++) right += a.data[k * a.columns + j]! * v[j]!;
    probe += left * right;
  }
  return {
    shape: `${b.rows}×${a.columns}`,
    norm: productNorm(b, a, scale),
    probe: scale * probe,
  };
}

function assertSame(actual: readonly Update[], expected: readonly Update[], what: string): void {
  const sorted = (updates: readonly Update[]) =>
    updates
      .map(fingerprint)
      .sort((x, y) => (x.shape < y.shape ? -1 : x.shape > y.shape ? 1 : x.norm - y.norm));
  const [found, wanted] = [sorted(actual), sorted(expected)];
  assert.equal(found.length, wanted.length, what);
  for (const [index, { shape, norm, probe }] of wanted.entries()) {
    const one = found[index]!;
    assert.equal(one.shape, shape, what);
    assert.ok(Math.abs(one.norm - norm) <= 1e-6 * norm + 1e-12, `${what}: ‖ΔW‖ ${one.norm}, ${norm}`);
    const room = Math.sqrt(1e-12 + norm ** 2 * 1e-8);
    assert.ok(Math.abs(one.probe - probe) <= room, `${what}: ${shape} ${one.probe}, ${probe}`);
  }
}
