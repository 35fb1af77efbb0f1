import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  MAX_STACKED_RANK,
  type MergeTerm,
  sharedTensors,
  stackModules,
} from '../../../src/formats/merge/merge-modules.ts';
import { adapterOf, linear, refusal, tensor } from '../peft/build.ts';

type Adapted = Parameters<typeof adapterOf>;
const BASE = { base_model_name_or_path: 'base' };

/** Terms named x, y, z, … of weight 1. */
const terms = (...adapters: Adapted[]): MergeTerm[] =>
  adapters.map((given, index) => ({ id: 'xyzuvw'[index]!, adapter: adapterOf(...given), weight: 1 }));

describe('stacked modules', () => {
  it('are those of all adapters in name order, with the parts in the order of the terms', () => {
    const { modules, warnings } = stackModules(
      terms(
        [[...linear('b.q', 4), ...linear('c.v', 4)], BASE],
        [[...linear('c.v', 3), ...linear('a.k', 3)], { ...BASE, r: 3 }],
      ),
    );
    assert.deepEqual(
      modules.map(({ like, rank, parts }) => [like.name, rank, parts.map(({ term }) => term.id)]),
      [
        ['a.k', 3, ['y']],
        ['b.q', 4, ['x']],
        ['c.v', 7, ['x', 'y']],
      ],
    );
    assert.deepEqual(warnings, []);
  });

  it('must not exceed a width', () => {
    const wide = (rank: number): Adapted => [linear('q', rank), { ...BASE, r: rank }];
    assert.equal(stackModules(terms(wide(MAX_STACKED_RANK - 1), wide(1))).modules[0]!.rank, MAX_STACKED_RANK);
    const { code, context } = refusal(() => stackModules(terms(wide(MAX_STACKED_RANK), wide(1))));
    assert.equal(code, 'MERGE_RANK_TOO_LARGE');
    assert.deepEqual(context, { module: 'q', rank: MAX_STACKED_RANK + 1, limit: MAX_STACKED_RANK });
  });

  it('must have the same shape, in m and in n', () => {
    for (const [m, n] of [
      [17, 32],
      [16, 33],
    ] as const) {
      const { code, context } = refusal(() => stackModules(terms([linear('q', 4)], [linear('q', 4, m, n)])));
      assert.equal(code, 'MERGE_SHAPE_MISMATCH');
      assert.deepEqual(context, {
        module: 'q',
        adapters: ['x', 'y'],
        shapes: ['linear [16, 32]', `linear [${m}, ${n}]`],
      });
    }
  });

  it('stack embeddings with embeddings only', () => {
    const embedding = [tensor('wte.lora_embedding_A', [4, 32]), tensor('wte.lora_embedding_B', [16, 4])];
    assert.equal(stackModules(terms([embedding], [embedding])).modules[0]!.rank, 8);
    const { code, message } = refusal(() => stackModules(terms([embedding], [linear('wte', 4)])));
    assert.equal(code, 'MERGE_SHAPE_MISMATCH');
    assert.match(message, /embedding \[16, 32\] in adapter x but linear \[16, 32\] in adapter y/);
  });
});

describe('base models', () => {
  const on = (base: string | null): Adapted => [linear('q', 4), { base_model_name_or_path: base }];

  it('must agree if they are known, even with unknown ones between them', () => {
    const { code, context } = refusal(() => stackModules(terms(on('one'), on(null), on('two'))));
    assert.equal(code, 'MERGE_BASE_MISMATCH');
    assert.deepEqual(context, { adapters: ['x', 'z'], base_models: ['one', 'two'] });
  });

  it('that are unknown are reported, unless there is only one adapter', () => {
    assert.deepEqual(stackModules(terms(on(null))).warnings, []);
    assert.match(
      stackModules(terms(on('one'), on(null))).warnings.join(),
      /y does not name its base model.* "one"/,
    );
    assert.equal(stackModules(terms(on(null), on(null))).warnings.length, 2);
  });
});

describe('variants', () => {
  it('that cannot be added are refused', () => {
    const dora: Adapted = [[...linear('q', 4), tensor('q.lora_magnitude_vector', [16])], { use_dora: true }];
    const { code, message, context } = refusal(() => stackModules(terms([linear('q', 4)], dora)));
    assert.equal(code, 'MERGE_UNSUPPORTED');
    assert.ok(message.includes('DoRA') && message.includes('adapter y'), message);
    assert.deepEqual(context, { adapter: 'y' });
  });
});

describe('shared tensors', () => {
  it('are found in all adapters that have them, in name order', () => {
    const found = sharedTensors(
      terms(
        [[...linear('q', 4), tensor('score.weight', [2, 3])]],
        [linear('q', 4)],
        [[...linear('q', 4), tensor('score.weight', [2, 3]), tensor('extra', [1])]],
      ),
    );
    assert.deepEqual(
      found.map(({ name, holders }) => [name.split('.').at(-1), holders.map(({ id }) => id)]),
      [
        ['extra', ['z']],
        ['weight', ['x', 'z']],
      ],
    );
  });

  it('conflict by dtype and shape before any byte is read', () => {
    for (const other of [tensor('score.weight', [3, 2]), tensor('score.weight', [2, 3], 'F16')]) {
      const { code, context } = refusal(() =>
        sharedTensors(
          terms([[...linear('q', 4), tensor('score.weight', [2, 3])]], [[...linear('q', 4), other]]),
        ),
      );
      assert.equal(code, 'MERGE_TENSOR_CONFLICT');
      assert.deepEqual(context, { tensor: 'base_model.model.score.weight', adapters: ['x', 'y'] });
    }
  });
});
