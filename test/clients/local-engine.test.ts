import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { runWithTorch, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

/**
 * The largest relative differences between squeezing locally and in a run of the service, over all layers.
 */
interface Comparison {
  readonly singular_values: number;
  readonly update: number;
  readonly scaling: number;
  /** The difference between the norms of a direction in both factors of the service: both carry √σ. */
  readonly balance: number;
  readonly learning_rate_factor: number;
  readonly relative_error: number;
  /** Locally, and in the service. */
  readonly revived: readonly [number, number];
  readonly optimizer: readonly [string, string];
  readonly ranks: readonly number[];
  readonly exp_avg?: number;
  readonly exp_avg_sq?: number;
  readonly max_exp_avg_sq?: number;
  readonly momentum_buffer?: number;
}

const FIXTURES = [
  'peft-gpt2-deepbiolab',
  'peft-gpt2-mycguo',
  'peft-gpt2-niket',
  'peft-mountain',
  'peft-sd-skinlesion',
  'gpt2-lora-r8',
];
const NUMBERS = ['singular_values', 'update', 'scaling', 'learning_rate_factor'] as const;
const MOMENTS = ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'momentum_buffer'] as const;
const TOLERANCE = 1e-6;

describe('squeeze_layers, compared with the service', {
  skip: skipWithoutPython('torch', 'safetensors', 'numpy'),
}, () => {
  const fixture = serviceFixture('local-engine');
  let found: Readonly<Record<string, Comparison>>;
  before(async () => {
    [found] = (await runWithTorch(fixture.service.url, 'local_engine.py')) as [typeof found];
  });

  const assertSame = (name: string, tolerance = TOLERANCE): Comparison => {
    const comparison = found[name]!;
    for (const what of [...NUMBERS, ...MOMENTS])
      assert.ok((comparison[what] ?? 0) <= tolerance, `${name}: ${what} differs by ${comparison[what]}`);
    assert.ok(comparison.balance <= 10 * tolerance, `${name}: balance ${comparison.balance}`);
    assert.ok(
      comparison.relative_error <= tolerance,
      `${name}: errors differ by ${comparison.relative_error}`,
    );
    assert.equal(comparison.revived[0], comparison.revived[1], `${name}: revived directions`);
    assert.equal(comparison.optimizer[0], comparison.optimizer[1], `${name}: optimizer`);
    return comparison;
  };

  for (const name of FIXTURES) {
    it(`has the same singular values, updates, moments and hint: ${name}`, () => {
      const { revived } = assertSame(`${name} half`);
      assertSame(`${name} rank 1, sqrt`);
      // The modules that were never trained have directions to revive.
      assert.equal(revived[0] > 0, name === 'peft-sd-skinlesion');
    });
  }

  it('finds the ranks for a goal', () => {
    assert.ok(assertSame('energy by layer').ranks.length > 1);
    assert.ok(assertSame('tolerance, uniform').ranks[0]! > 2);
  });

  it('accepts factors of any shape and rank', () => {
    assertSame('tall and wide');
    assert.deepEqual(assertSame('narrow').revived, [0, 0]);
    assert.deepEqual(assertSame('ranks not above their own').ranks, [3, 4]);
  });

  it('accepts factors of zeros, and revives directions only on request', () => {
    assert.deepEqual(assertSame('zero factors').revived, [6, 6]);
    assert.deepEqual(assertSame('zero factors, not revived').revived, [0, 0]);
  });

  it('rounds to bfloat16 if the factors are bfloat16', () => {
    // A number that rounds to the other neighbour differs by 2⁻⁸; their norm hardly differs.
    assertSame('bfloat16', 1e-4);
  });

  it('resets moments on request', () => {
    assert.deepEqual(assertSame('reset').optimizer, ['reset', 'reset']);
  });
});
