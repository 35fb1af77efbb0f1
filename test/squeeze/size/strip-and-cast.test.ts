import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Target } from '../../../src/contract/target.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { decodeTensor, float32Tensor, readSafetensors, type Tensor } from '../../oracle/safetensors.ts';
import { computeFixture } from '../compute-fixture.ts';
import { readResult, someModules, squeezing } from '../make-adapter.ts';

const compute = computeFixture();
const P = 'base_model.model.';
const values = [1, -2.5, 1 / 3, 1e-6, 0, 70];
const double = (numbers: readonly number[]): Tensor => ({
  dtype: 'F64',
  shape: [numbers.length],
  bytes: new Uint8Array(Float64Array.from(numbers).buffer),
});
const EXTRA: Readonly<Record<string, Tensor>> = {
  [`${P}score.weight`]: float32Tensor([2, 3], values),
  [`${P}score.bias`]: float32Tensor([2], [1, 2]),
  [`${P}own.weight`]: float32Tensor([1], [3]),
  [`${P}embed_tokens.base_layer.weight`]: float32Tensor([2, 2], [1, 2, 3, 4]),
  [`${P}embed_tokens.token_adapter.trainable_tokens_delta`]: float32Tensor([1, 2], [5, 6]),
  [`${P}layers.0.q_proj.bias`]: double([1 / 3, 2]),
  [`${P}layers.0.norm.steps`]: { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) },
};
const CONFIG = {
  modules_to_save: ['score', 'own'],
  bias: 'lora_only',
  trainable_token_indices: { embed_tokens: [7] },
  task_type: 'SEQ_CLS',
};
const made = () => compute.adapter(someModules(12, 1), CONFIG, { extra: EXTRA });

/** One result of the adapter: its tensors besides the factors, its configuration, and the job's record. */
function resultOf<T>(target: Target, use: (found: ResultParts) => T): Promise<T> {
  return squeezing(compute.pool, made(), { targets: [target] }, ({ targets: [outcome], report }) => {
    const { config, passthrough } = readResult(outcome!);
    const { result, files } = outcome!;
    const names = [...passthrough.keys()].map((name) => name.slice(P.length));
    return use({
      names,
      passthrough,
      config,
      result,
      bytes: files![0]!.bytes,
      size: report.targets[0]!.size,
    });
  });
}
interface ResultParts {
  readonly names: string[];
  readonly passthrough: ReadonlyMap<string, Tensor>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly result: {
    readonly warnings: readonly string[];
    readonly size?: readonly { what: string; tensors: number; bytes: number }[];
  };
  readonly bytes: number;
  readonly size: unknown;
}

describe('the sizes in a result', () => {
  it('name every part, in the job and in the report, and count all bytes of the data', async () => {
    await resultOf({ rank: 4 }, ({ result, size, names }) => {
      assert.deepEqual(result.size, size);
      assert.deepEqual(
        result.size!.map(({ what, tensors }) => [what, tensors]),
        [
          ['lora', 2],
          ['heads', 3],
          ['embeddings', 1],
          ['base_layers', 1],
          ['biases', 1],
          ['other', 1],
        ],
      );
      assert.equal(result.size![0]!.bytes, 4 * 4 * (42 + 32));
      assert.equal(names.length, 7);
    });
  });

  it('are those of the source if nothing changes', async () => {
    await squeezing(compute.pool, made(), { targets: [{ rank: 12 }] }, ({ targets: [outcome] }) => {
      assert.equal(outcome!.files, null);
      assert.equal(outcome!.result.size!.find(({ what }) => what === 'heads')!.bytes, 24 + 8 + 4);
    });
  });
});

describe('strip', () => {
  it('drops heads, and removes them from modules_to_save', async () => {
    await resultOf({ rank: 4, strip: ['heads'] }, ({ names, config, result }) => {
      assert.ok(!names.some((name) => name.startsWith('score') || name.startsWith('own')));
      assert.equal(names.length, 4);
      assert.equal(config.modules_to_save, null);
      assert.equal(config.bias, 'lora_only');
      assert.ok(!result.size!.some(({ what }) => what === 'heads'));
      assert.match(
        result.warnings.join('\n'),
        /"strip" left out heads: 3 tensors with 36 bytes.*score\.bias/,
      );
    });
  });

  it('drops each kind separately, and reports each', async () => {
    const targets: Target = { rank: 4, strip: ['embeddings', 'base_layers', 'biases', 'other'] };
    await resultOf(targets, ({ names, config, result }) => {
      assert.deepEqual(names, ['own.weight', 'score.bias', 'score.weight']);
      assert.deepEqual(config.modules_to_save, ['score', 'own']);
      assert.deepEqual([config.bias, config.trainable_token_indices], ['none', null]);
      assert.equal(result.warnings.filter((text) => text.startsWith('"strip"')).length, 4);
    });
  });

  it('creates a result even if no rank changes', async () => {
    await resultOf({ rank: 12, strip: ['heads'] }, ({ names }) => assert.equal(names.length, 4));
  });

  it('drops lora_bias with the biases', async () => {
    const extra = { [`${P}layers.0.q_proj.lora_B.bias`]: float32Tensor([42], new Float32Array(42)) };
    const dir = compute.adapter(someModules(12, 1), { lora_bias: true }, { extra });
    await squeezing(compute.pool, dir, { targets: [{ rank: 4, strip: ['biases'] }] }, ({ targets }) => {
      const { config, passthrough } = readResult(targets[0]!);
      assert.deepEqual([config.lora_bias, config.lora_alpha, passthrough.size], [false, 4, 0]);
    });
  });

  it('changes nothing if there is nothing of the kind', async () => {
    const dir = compute.adapter(someModules(12, 1));
    await squeezing(compute.pool, dir, { targets: [{ rank: 12, strip: ['heads'] }] }, ({ targets }) => {
      assert.equal(targets[0]!.files, null);
      assert.ok(!targets[0]!.result.warnings.some((text) => text.startsWith('"strip"')));
    });
  });
});

describe('cast', () => {
  it('rounds carried floats to nearest, and leaves integers unchanged', async () => {
    await resultOf({ rank: 4, cast: 'float16' }, ({ passthrough, result }) => {
      const head = passthrough.get(`${P}score.weight`)!;
      assert.deepEqual([head.dtype, head.shape], ['F16', [2, 3]]);
      // numpy.float16 of 1/3 and 1e-6.
      const expected = [1, -2.5, 0.333251953125, 1.0132789611816406e-6, 0, 70];
      assert.deepEqual([...decodeTensor(head)], expected);
      const bias = passthrough.get(`${P}layers.0.q_proj.bias`)!;
      assert.deepEqual([bias.dtype, ...decodeTensor(bias)], ['F16', 0.333251953125, 2]);
      assert.equal(passthrough.get(`${P}layers.0.norm.steps`)!.dtype, 'I64');
      assert.match(
        result.warnings.join('\n'),
        /"cast" converted 6 carried tensors .*from F32, F64 to float16/,
      );
      assert.equal(result.size!.find(({ what }) => what === 'heads')!.bytes, (6 + 2 + 1) * 2);
    });
  });

  it('can be combined with bfloat16 and float32, with factors in a different dtype', async () => {
    await resultOf({ rank: 4, cast: 'bfloat16', dtype: 'float32' }, ({ passthrough }) => {
      const numbers = decodeTensor(passthrough.get(`${P}score.weight`)!);
      assert.deepEqual([...numbers].slice(0, 3), [1, -2.5, 0.333984375]);
    });
    await resultOf({ rank: 4, cast: 'float32' }, ({ passthrough }) => {
      const bias = passthrough.get(`${P}layers.0.q_proj.bias`)!;
      assert.deepEqual([bias.dtype, ...decodeTensor(bias)], ['F32', Math.fround(1 / 3), 2]);
      assert.deepEqual([...decodeTensor(passthrough.get(`${P}score.weight`)!)], values.map(Math.fround));
    });
  });

  it('refuses numbers that do not fit, and NaN, naming the tensor', async () => {
    for (const [value, words] of [
      [1e6, 'is too large for float16'],
      [Number.NaN, 'NaN'],
    ] as const) {
      const extra = { [`${P}score.weight`]: float32Tensor([2], [1, value]) };
      const dir = compute.adapter(someModules(12, 1), {}, { extra });
      const cast = squeezing(compute.pool, dir, { targets: [{ rank: 4, cast: 'float16' }] }, () => {});
      await assert.rejects(cast, (error) => {
        assert.ok(error instanceof AppError && error.code === 'NON_FINITE_RESULT', String(error));
        assert.ok(error.message.includes('score.weight') && error.message.includes(words), error.message);
        return true;
      });
    }
  });

  it('casts tensors that are larger than a piece, with the same bytes every time', async () => {
    const numbers = Float32Array.from({ length: 300_000 }, (_, i) => Math.sin(i) * i);
    const extra = { [`${P}score.weight`]: float32Tensor([300_000], numbers) };
    const dir = compute.adapter(someModules(12, 1), {}, { extra });
    await squeezing(
      compute.pool,
      dir,
      {
        targets: [
          { rank: 4, cast: 'bfloat16' },
          { rank: 4, cast: 'bfloat16', split: 'a' },
        ],
      },
      ({ targets }) => {
        const [x, y] = targets.map(
          ({ files }) => readSafetensors(files![0]!.path).tensors.get(`${P}score.weight`)!,
        );
        const cast = decodeTensor(x!);
        for (const at of [0, 262_143, 262_144, 299_999])
          assert.ok(Math.abs(cast[at]! - numbers[at]!) <= Math.abs(numbers[at]!) * 2 ** -8);
        assert.ok(Buffer.from(x!.bytes).equals(Buffer.from(y!.bytes)));
        assert.ok(readFileSync(targets[0]!.files![1]!.path).length > 0);
      },
    );
  });
});
