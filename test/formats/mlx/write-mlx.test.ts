import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, ModulePlan, OutputPlan, ScaleMode } from '../../../src/adapter/adapter.ts';
import { planMlx } from '../../../src/formats/mlx/write-mlx.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import fc from '../../fast-check.ts';
import { refusal } from '../peft/build.ts';
import { configOf, experts, layer, readMade } from './build.ts';

const Q = 'model.layers.0.self_attn.q_proj';
const K = 'model.layers.0.self_attn.k_proj';

function plan(
  adapter: Adapter,
  rankOf: (name: string) => number,
  scale: ScaleMode = 'fold',
  provenance: readonly (readonly [string, string])[] = [],
): OutputPlan {
  const plans = adapter.modules.map(
    (module): ModulePlan => ({
      module,
      rank: rankOf(module.name),
      dtypeA: module.a.dtype,
      dtypeB: module.b.dtype,
    }),
  );
  return planMlx(adapter, plans, { scale, provenance: new Map(provenance) });
}

const configBytes = (output: OutputPlan): Uint8Array => output.files.get('adapter_config.json')!;
const configIn = (output: OutputPlan) => JSON.parse(Buffer.from(configBytes(output)).toString());

describe('writing adapters of MLX', () => {
  const made = (tensors: readonly TensorSpec[], config = configOf()): Adapter =>
    readMade(tensors, config).adapter;

  it('transposes the tensors that MLX transposes, and stacks experts', () => {
    const output = plan(made([...layer(Q, 4), ...experts('l.up', 12, 4)]), () => 2);
    assert.deepEqual(
      output.tensors.map(({ name, shape }) => [name, shape]),
      [
        ['l.up.lora_a', [12, 2, 32]],
        ['l.up.lora_b', [12, 16, 2]],
        [`${Q}.lora_a`, [32, 2]],
        [`${Q}.lora_b`, [2, 16]],
      ],
    );
    const [up, , a] = output.tensors;
    // Modules are in name order, where #10 comes before #2; their tensor has the order of the experts.
    assert.deepEqual(up!.source, {
      kind: 'arranged',
      parts: [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3].map((moduleIndex) => ({ factor: 'a', moduleIndex })),
      shape: [12, 2, 32],
      axes: [0, 1, 2],
    });
    assert.deepEqual(a!.source, {
      kind: 'arranged',
      parts: [{ factor: 'a', moduleIndex: 12 }],
      shape: [2, 32],
      axes: [1, 0],
    });
  });

  it('orders the rows of B as a conversion requires', () => {
    const adapter = made(layer(Q, 4, 12));
    const [module] = adapter.modules;
    const reordered = {
      ...adapter,
      modules: [{ ...module!, rowOrder: { shape: [2, 2, 3], axes: [0, 2, 1] } }],
    };
    assert.deepEqual(plan(reordered, () => 2).tensors[1]!.source, {
      kind: 'arranged',
      parts: [{ factor: 'b', moduleIndex: 0 }],
      shape: [2, 2, 3, 2],
      axes: [3, 0, 2, 1],
    });
  });

  it('writes the new rank and scale, and everything else unchanged', () => {
    const config = configOf({ keys: ['q'], alpha: 16 }, { iters: 7, 'data.set': [1, { a: null }] });
    const adapter = made([...layer(Q, 4), ...layer(K, 4)], config);
    const before = JSON.parse(Buffer.from(config).toString());
    const folded = configIn(plan(adapter, (name) => (name === Q ? 3 : 1)));
    assert.deepEqual(folded, {
      ...before,
      lora_parameters: { ...before.lora_parameters, rank: 3, scale: 1, alpha: 3 },
    });
    assert.deepEqual(Object.keys(folded), Object.keys(before));
    assert.equal(configIn(plan(adapter, () => 3, 'keep')).lora_parameters.scale, 20);
    assert.equal(configIn(plan(adapter, () => 1, 'sqrt')).lora_parameters.scale, 40);
  });

  it('adds the fields that mlx-lm requires, and how the result was made', () => {
    const bare = { ...made(layer(Q, 4)), config: { fine_tune_type: 'lora', num_layers: -1 } };
    const output = plan(bare, () => 2, 'fold', [['lora_squeeze.method', 'exact']]);
    assert.deepEqual(configIn(output), {
      fine_tune_type: 'lora',
      num_layers: -1,
      lora_parameters: { rank: 2, scale: 1, dropout: 0 },
    });
    assert.deepEqual([...output.metadata], [['lora_squeeze.method', 'exact']]);
    assert.equal(output.weightsName, 'adapters.safetensors');
  });

  it('refuses scales that differ, uneven or missing experts, and convolutions', () => {
    const two = made([...layer(Q, 4), ...layer(K, 4)]);
    const scales = refusal(() => plan(two, (name) => (name === Q ? 2 : 1), 'sqrt'));
    assert.equal(scales.code, 'FORMAT_NEEDS_FOLD');
    assert.match(scales.message, /q_proj".*28\.2.*40.*"fold"/);
    const stack = made(experts('l.up', 3, 4));
    const uneven = refusal(() => plan(stack, (name) => (name === 'l.up#1' ? 2 : 3)));
    assert.equal(uneven.code, 'FORMAT_NOT_WRITABLE');
    assert.match(uneven.message, /"l\.up#1".*"l\.up\.lora_a".*one rank/);
    const missing = refusal(() => plan({ ...stack, modules: stack.modules.slice(1) }, () => 2));
    assert.equal(missing.code, 'FORMAT_NOT_WRITABLE');
    const conv = { ...two, modules: two.modules.map((module) => ({ ...module, kind: 'conv' as const })) };
    assert.match(
      refusal(() => plan(conv, () => 2)).message,
      /k_proj" is a convolution, for which MLX has no LoRA/,
    );
  });

  it('writes what it planned, and writes the same again after reading', () => {
    const one = fc.record({
      rank: fc.integer({ min: 1, max: 9 }),
      m: fc.integer({ min: 1, max: 40 }),
      n: fc.integer({ min: 1, max: 40 }),
      experts: fc.constantFrom(0, 0, 2, 11),
    });
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 4 }),
        fc.constantFrom<ScaleMode>('fold', 'keep'),
        fc.integer({ min: 1, max: 9 }),
        (modules, scale, limit) => {
          const tensors = modules.flatMap(({ rank, m, n, experts: count }, index) =>
            count === 0 ? layer(`l.${index}.q`, rank, m, n) : experts(`l.${index}.up`, count, rank, m, n),
          );
          const adapter = made(tensors);
          const ranks = new Map(adapter.modules.map(({ name, rank }) => [name, Math.min(rank, limit)]));
          const first = plan(adapter, (name) => ranks.get(name)!, scale);
          const again = made(first.tensors, configBytes(first) as Buffer);
          assert.deepEqual(
            again.modules.map(({ name, rank, m, n, scale: left, expert }) => [
              name,
              rank,
              m,
              n,
              left,
              expert,
            ]),
            adapter.modules.map(({ name, m, n, expert }) => [
              name,
              ranks.get(name),
              m,
              n,
              scale === 'fold' ? 1 : 20,
              expert,
            ]),
          );
          const second = plan(again, (name) => ranks.get(name)!, 'keep');
          assert.deepEqual(
            second.tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
            first.tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
          );
          assert.deepEqual(configBytes(second), configBytes(first));
          assert.deepEqual(second.layout, first.layout);
        },
      ),
    );
  });
});
