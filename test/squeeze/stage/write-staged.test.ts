import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Derivation, StagedTensor } from '../../../src/adapter/staging-plan.ts';
import { indexSpans, pairSpans, SPAN_NUMBERS } from '../../../src/compute/derive/spans.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import { permuteEntry } from '../../../src/squeeze/stage/permute-entry.ts';
import fc from '../../fast-check.ts';
import { gaussianMatrix } from '../../oracle/known-matrices.ts';
import { matrix } from '../../oracle/linear-algebra.ts';
import { parseSafetensors } from '../../oracle/safetensors.ts';
import { computeFixture } from '../compute-fixture.ts';
import { planOf, Source, staging, watching } from './stage-fixture.ts';

const compute = computeFixture();
let source: Source;
before(() => {
  source = new Source();
});
after(() => source.remove());

const bytesOf = (values: readonly number[]): Uint8Array => Uint8Array.from(values);

function refused(code: ErrorCode, details: Record<string, unknown>) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    for (const [key, value] of Object.entries(details)) {
      assert.equal(error.context?.[key], value);
      assert.ok(error.message.includes(String(value)), error.message);
    }
    return true;
  };
}

const dense = (entry: ReturnType<Source['add']>['entry'], rank = 2): Derivation => ({
  ...{ kind: 'dense', module: 'to_k', m: entry.rows, n: entry.columns, rank },
  update: entry,
});

describe('a staged file', () => {
  it('has tensors copied, reordered, decoded and computed, side by side', async () => {
    const copied = source.addBytes('c', bytesOf([1, 2, 3, 4, 5, 6]), [3], 'BF16');
    const reordered = source.addBytes('p', bytesOf(Array.from({ length: 12 }, (_, i) => i)), [2, 3], 'F16');
    // 0.5 as float16, then −16 … 15, twice.
    const block = [0x00, 0x38, ...Array.from({ length: 32 }, (_, i) => (i - 16) & 0xff)];
    const blocks = source.addBytes('q', bytesOf([...block, ...block]), [2, 32]);
    const update = source.add('u', gaussianMatrix(5, 4, 1));
    const tensors: StagedTensor[] = [
      { name: 'copy', dtype: 'BF16', shape: [3], source: { kind: 'copy', entry: copied } },
      {
        ...{ name: 'permute', dtype: 'F16', shape: [3, 2] },
        source: { kind: 'permute', entry: reordered, shape: [2, 3], axes: [1, 0] },
      },
      {
        ...{ name: 'decode', dtype: 'F32', shape: [2, 32] },
        source: { kind: 'dequantise', entry: blocks, encoding: 'q8_0' },
      },
      {
        name: 'only.b',
        dtype: 'F32',
        shape: [5, 4],
        source: { kind: 'derived', derivation: 0, factor: 'b' },
      },
    ];
    const plan = { tensors, derivations: [dense(update.entry, 4)] };
    const staged = await staging(compute.pool, source, plan);
    const found = parseSafetensors(staged.bytes).tensors;
    assert.deepEqual([...found.get('copy')!.bytes], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([...found.get('permute')!.bytes], [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
    const halves = Array.from({ length: 64 }, (_, i) => ((i % 32) - 16) / 2);
    assert.deepEqual([...staged.tensors.get('decode')!.data], halves);
    assert.ok(staged.tensors.get('only.b')!.data.some((x) => x !== 0));
  });

  it('is reordered in parts with the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
          .chain((shape) =>
            fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
          ),
        fc.integer({ min: 1, max: 64 }),
        async ([shape, axes], limit) => {
          const own = new Source();
          try {
            const count = shape.reduce((x, y) => x * y, 1);
            own.addBytes('before', bytesOf([9, 9]), [1], 'F16');
            const entry = own.addBytes(
              'x',
              new Uint8Array(Uint16Array.from({ length: count }, (_, i) => i).buffer),
              shape,
              'F16',
            );
            own.write();
            const results: Buffer[] = [];
            for (const each of [limit, 1e9]) {
              const path = join(own.dir, `out ${each}`);
              const [from, to] = [await open(own.path, 'r'), await open(path, 'w')];
              await permuteEntry({ entry, shape, axes }, from, to, 0, each);
              await Promise.all([from.close(), to.close()]);
              results.push(await readFile(path));
            }
            assert.equal(results[0]!.length, 2 * count);
            assert.deepEqual(results[0], results[1]);
          } finally {
            own.remove();
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('names a tensor that is not finite, and its module', async () => {
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { entry } = source.add('to_k.diff', matrix(3, 2, [1, 2, 3, broken, 5, 6]));
      await assert.rejects(
        staging(compute.pool, source, planOf([dense(entry)])),
        refused('NON_FINITE_WEIGHTS', { tensor: 'to_k.diff', module: 'to_k' }),
      );
    }
  });

  it('refuses factors that do not fit float32, naming the module', async () => {
    const [one, large] = [
      source.add('one', matrix(2, 1, [1, 1])),
      source.add('large', matrix(2, 1, [1e30, 1])),
    ];
    const right = source.add('right', matrix(1, 2, [1, 1]));
    const derivation: Derivation = {
      ...{ kind: 'hadamard', module: 'to_q', m: 2, n: 2, rank: 1, w1b: right.entry, w2b: right.entry },
      ...{ w1a: large.entry, w2a: large.entry },
    };
    await assert.rejects(
      staging(compute.pool, source, planOf([derivation])),
      refused('NON_FINITE_RESULT', { module: 'to_q' }),
    );
    await staging(compute.pool, source, planOf([{ ...derivation, w2a: one.entry }]));
  });

  it('reports the modules that are done', async () => {
    const { entry } = source.add('u', gaussianMatrix(6, 5, 1));
    const calls: string[] = [];
    const watch = watching(undefined, ({ phase, done, total, module }) =>
      calls.push(`${phase} ${done}/${total} ${module}`),
    );
    const plan = planOf([dense(entry), { ...dense(entry), module: 'to_v' }]);
    const { residuals } = await staging(compute.pool, source, plan, watch);
    assert.equal(calls[0], 'load 0/2 null');
    assert.deepEqual(
      calls.slice(1).map((text) => text.slice(0, 8)),
      ['load 1/2', 'load 2/2'],
    );
    assert.deepEqual([...residuals.keys()].sort(), ['to_k', 'to_v']);
  });

  it('stops when it is cancelled', async () => {
    const { entry } = source.add('u', gaussianMatrix(6, 5, 1));
    const plan = planOf([dense(entry)]);
    const isCancelled = refused('CANCELLED', {});
    await assert.rejects(staging(compute.pool, source, plan, watching(AbortSignal.abort())), isCancelled);
    const controller = new AbortController();
    const many = planOf(Array.from({ length: 40 }, (_, i) => ({ ...dense(entry), module: `m${i}` })));
    const stopping = watching(controller.signal, ({ done }) => done > 0 && controller.abort());
    await assert.rejects(staging(compute.pool, source, many, stopping), isCancelled);
  });
});

describe('spans', () => {
  it('cover everything once, in order, none larger than allowed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 2 * SPAN_NUMBERS }),
        (total, numbers) => {
          let end = 0;
          for (const span of indexSpans(total, numbers)) {
            assert.equal(span[0], end);
            assert.ok(span[1] - span[0] === 1 || (span[1] - span[0]) * numbers <= SPAN_NUMBERS);
            assert.ok(span[1] > span[0]);
            end = span[1];
          }
          assert.equal(end, total);
        },
      ),
    );
  });

  it('of a Kronecker product are groups of its rows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 20_000 }),
        (x, y, width) => {
          let end = 0;
          for (const span of pairSpans(x, y, width)) {
            assert.equal(span.rows[0], end);
            const count = (span.x[1] - span.x[0]) * (span.y[1] - span.y[0]);
            assert.equal(span.rows[1] - span.rows[0], count);
            assert.ok(count * width <= SPAN_NUMBERS || count === 1);
            end = span.rows[1];
          }
          assert.equal(end, x * y);
        },
      ),
    );
  });
});
