import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { RunRecord } from '../../src/contract/run.ts';
import { runPythonWithPackages, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

interface Trained {
  readonly run: RunRecord;
  readonly losses: readonly number[];
  readonly ranks: Readonly<Record<string, number>>;
  readonly factors: Readonly<Record<string, readonly number[]>>;
  readonly moments: readonly (readonly number[])[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly loads_again: boolean;
}

/** Ranks 16, 8, 4, 2 in 60 steps, stopped after 25 and resumed from Trainer's checkpoint. */
const STEPS = 60;
const rankAfter = (step: number): number => (step < 15 ? 16 : step < 30 ? 8 : step < 45 ? 4 : 2);
const MODULES = 8;

describe('annealing inside Hugging Face’s Trainer, with PEFT', {
  skip: skipWithoutPython('torch', 'safetensors', 'transformers', 'accelerate', 'peft'),
}, () => {
  const fixture = serviceFixture('anneal-transformers');
  let trained: Trained;
  before(async () => {
    trained = await runPythonWithPackages<Trained>('anneal_in_transformers.py', fixture.service.url);
  });

  it('follows the schedule through a stop and a resumption', () => {
    const expected = Array.from({ length: STEPS }, (_, i) => [String(i + 1), rankAfter(i + 1)]);
    assert.deepEqual(Object.entries(trained.ranks), expected);
    assert.deepEqual(
      trained.run.checkpoints.map(({ step, decision, superseded }) => [step, decision, superseded]),
      [15, 30, 45].map((step) => [step, 'squeeze', false]),
    );
  });

  it('continues the training: the loss falls, and never jumps at a squeeze', () => {
    const { losses } = trained;
    assert.equal(losses.length, STEPS);
    assert.ok(losses.at(-1)! < losses[0]! - 0.1, `${losses[0]} → ${losses.at(-1)}`);
    for (const step of [15, 30, 45])
      assert.ok(
        losses[step]! < losses[step - 1]! + 0.1,
        `step ${step}: ${losses[step - 1]} → ${losses[step]}`,
      );
  });

  it('leaves factors, moments and a configuration of the last rank, which can be loaded again', () => {
    const shapes = Object.entries(trained.factors);
    assert.equal(shapes.length, 2 * MODULES);
    for (const [name, shape] of shapes) assert.equal(shape[name.includes('lora_A') ? 0 : 1], 2, name);
    assert.deepEqual(
      trained.moments,
      shapes.map(([, shape]) => shape),
    );
    assert.deepEqual(trained.config, { r: 2, lora_alpha: 4, rank_pattern: {}, fan_in_fan_out: true });
    assert.equal(trained.loads_again, true);
  });
});
