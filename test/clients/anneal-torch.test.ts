import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { CheckpointRecord, RunRecord } from '../../src/contract/run.ts';
import { runWithTorch, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

/** The state of the trainer right after a checkpoint. Four factors: A and B of both layers. */
interface Event {
  readonly record: CheckpointRecord;
  readonly loss_before: number;
  readonly loss_after: number;
  readonly loss_at_best: number;
  readonly actual_error: number;
  readonly shapes: readonly (readonly number[])[];
  readonly moments: readonly Readonly<Record<string, readonly number[]>>[];
  readonly moment_norms: readonly number[];
  readonly steps: readonly number[];
  readonly optimizer_holds: boolean;
  readonly states: number;
  readonly layers: readonly (readonly number[])[];
}

interface Loop {
  readonly run: RunRecord;
  readonly started_at: number;
  readonly ended_at: number;
  readonly events: readonly Event[];
  readonly moved: readonly boolean[];
  readonly loaded_again: Readonly<Record<string, boolean>>;
  readonly events_between: number;
  readonly resumed_next: number;
  readonly resumed_events: readonly Event[];
  readonly final_ranks: readonly number[];
}

interface RanksEvent {
  readonly record: CheckpointRecord;
  readonly ranks: Readonly<Record<string, number>>;
  readonly layers: readonly (readonly [r: number, alpha: number, scaling: number])[];
  readonly moments: readonly (readonly number[])[];
  readonly shapes: readonly (readonly number[])[];
  readonly rate_factor: number;
  readonly rates: readonly [number, number];
  readonly base_rates: readonly [number, number];
}

interface Trainer {
  readonly run: RunRecord;
  readonly names: readonly string[];
  readonly losses: readonly number[];
  readonly scaling_before: number;
  readonly layers: readonly (readonly number[])[];
  readonly linear: readonly (readonly number[])[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly state_dict: Readonly<Record<string, readonly number[]>>;
  readonly optimizer: readonly (readonly number[])[];
  readonly refused: Readonly<Record<string, string | null>>;
}

const close = (actual: number, expected: number, tolerance: number, what: string): void =>
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `${what}: ${actual}, not ${expected}`,
  );

describe('annealing in a PyTorch loop', { skip: skipWithoutPython('torch', 'safetensors', 'numpy') }, () => {
  const fixture = serviceFixture('anneal-torch');
  let loop: Loop;
  let byRanks: readonly RanksEvent[];
  let refused: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  let trained: Trainer;
  before(async () => {
    const printed = await runWithTorch(
      fixture.service.url,
      ...['anneal_loop.py', 'anneal_ranks.py', 'anneal_refused.py', 'anneal_with_trainer.py'],
    );
    loop = printed[0] as Loop;
    byRanks = (printed[1] as { events: readonly RanksEvent[] }).events;
    refused = printed[2] as typeof refused;
    trained = printed[3] as Trainer;
  });

  describe('by a schedule, with AdamW and crashes', () => {
    const events = () => [...loop.events, ...loop.resumed_events];

    it('squeezes at the steps of the schedule, to its ranks', () => {
      const seen = events().map(({ record }) => [
        record.step,
        record.rank_before.max,
        record.rank_after?.max,
      ]);
      assert.deepEqual(seen, [
        [20, 8, 4],
        [20, 8, 4],
        [40, 4, 2],
      ]);
      assert.deepEqual(loop.final_ranks, [2, 2]);
      assert.equal(loop.run.at_target, true);
      for (const { record } of events()) assert.equal(record.late_by_steps, 0);
    });

    it('continues with the loss of the best truncation of ΔW', () => {
      for (const { record, loss_after, loss_at_best, actual_error } of events()) {
        close(loss_after, loss_at_best, 1e-4, `loss after step ${record.step}`);
        close(actual_error, record.relative_error!, 1e-4, `error of step ${record.step}`);
      }
      assert.ok(loop.ended_at < loop.started_at / 4, `${loop.started_at} → ${loop.ended_at}`);
    });

    it('gives layers and optimizer the new shapes, and keeps scaling and step counts', () => {
      for (const event of events()) {
        const k = event.record.rank_after!.max;
        assert.deepEqual(event.shapes, [
          [k, 24],
          [32, k],
          [k, 32],
          [16, k],
        ]);
        assert.deepEqual(
          event.moments,
          event.shapes.map((shape) => ({ exp_avg: shape, exp_avg_sq: shape })),
        );
        assert.ok(event.moment_norms.every((norm) => norm > 0 && Number.isFinite(norm)));
        assert.deepEqual(event.steps, Array(4).fill(event.record.step));
        assert.deepEqual(event.layers, Array(2).fill([k, 2 * k, 2]));
        assert.equal(event.record.training?.optimizer, 'carried');
        // No part of the old parameters is left.
        assert.equal(event.states, 4);
        assert.equal(event.optimizer_holds, true);
      }
      assert.deepEqual(loop.moved, Array(4).fill(true), 'the next step moves the new parameters');
    });

    it('loads the same response after a crash between squeezing and loading', () => {
      const loaded = Object.entries(loop.loaded_again);
      assert.equal(loaded.length, 6);
      for (const [name, isSame] of loaded) assert.ok(isSame, name);
      assert.equal(loop.events_between, 0);
    });

    it('rewinds the run when it restarts from an older step', () => {
      assert.equal(loop.resumed_next, 20);
      const lineage = loop.run.checkpoints.map(({ step, superseded }) => [step, superseded]);
      assert.deepEqual(lineage, [
        [20, true],
        [20, false],
        [40, false],
      ]);
    });
  });

  it('follows ranks by module, alpha and learning rates', () => {
    assert.deepEqual(
      byRanks.map(({ record }) => record.decision),
      ['squeeze', 'keep', 'squeeze'],
    );
    const [first, kept, last] = byRanks as [RanksEvent, RanksEvent, RanksEvent];
    assert.deepEqual(first.ranks, { 'toy.first': 1, 'toy.second': 8 });
    assert.deepEqual(kept.ranks, first.ranks);
    assert.deepEqual(last.ranks, { 'toy.first': 1, 'toy.second': 1 });
    let rate = 1e-4;
    for (const { record, layers, moments, shapes, rate_factor, rates, base_rates } of byRanks) {
      assert.deepEqual(moments, shapes);
      for (const [r, alpha, scaling] of layers) {
        close(scaling, 2 * Math.sqrt(8 / r), 1e-6, 'scaling grows with √(8/r)');
        close(alpha, scaling * r, 1e-6, 'alpha');
      }
      const factor = record.decision === 'squeeze' ? record.training!.learning_rate_factor : 1;
      rate *= factor;
      close(rate_factor, factor, 1e-9, 'lr');
      close(rates[1], rate, 1e-9, 'initial_lr');
      close(base_rates[1], rate, 1e-9, 'base_lrs');
      assert.deepEqual([rates[0], base_rates[0]], [0.5, 0.5], 'groups without LoRA keep theirs');
    }
    assert.ok(rate !== 1e-4);
  });

  it('raises what the run refuses and then changes nothing; recognises the optimizers it can carry over', () => {
    assert.deepEqual(refused.unknown_run, { code: 'RUN_NOT_FOUND', status: 404 });
    assert.deepEqual(refused.contradiction, { code: 'SCHEDULE_INVALID', status: 422 });
    assert.match(String(refused.other_rank!.message), /^SOURCE_RANK: source_rank is 8, .* have rank 6/);
    assert.equal(refused.other_rank!.unchanged, true);
    assert.deepEqual(refused.not_finite, { code: 'NON_FINITE_WEIGHTS', status: null, unchanged: true });
    assert.match(
      String(refused.not_held!.message),
      /does not hold base_model\.model\.toy\.first\.lora_A\.weight/,
    );
    assert.match(String(refused.adagrad!.message), /Adagrad/);
    assert.deepEqual(refused.reset, { states: [0, 0, 0, 0], optimizer: 'reset', steps: [1, 1, 1, 1] });
    assert.match(String(refused.foreign!.warning), /exp_inf.*starts over/);
    assert.deepEqual(refused.foreign!.steps, [1, 1, 1, 1]);
    for (const [name, carried] of Object.entries(
      refused.carried as Record<string, Record<string, unknown>>,
    )) {
      const steps = name === 'momentum' ? 0 : 3;
      assert.equal(carried.optimizer, 'carried', name);
      assert.equal(carried.warning, '', name);
      assert.deepEqual(carried.steps, Array(4).fill(steps), name);
    }
    assert.equal(refused.plain_sgd!.optimizer, 'none');
  });

  it('works with Trainer’s callbacks and PEFT’s layers (stand-ins of both)', () => {
    assert.deepEqual(trained.names, ['q_proj', 'v_proj']);
    assert.equal(trained.run.schedule?.total_steps, 30);
    assert.deepEqual(
      trained.run.checkpoints.map(({ step, rank_after }) => [step, rank_after?.max]),
      [
        [10, 4],
        [20, 2],
      ],
    );
    assert.ok(trained.losses.at(-1)! < trained.losses[0]!);
    for (const { step, loss } of trained.run.checkpoints)
      assert.ok(Math.abs(loss! - trained.losses[step - 1]!) < 1e-6, `the loss at step ${step}`);
    for (const [r, alpha, scaling] of trained.layers) {
      assert.equal(r, 2);
      close(scaling!, trained.scaling_before, 1e-6, 'scaling');
      close(alpha!, 2 * scaling!, 1e-6, 'alpha');
    }
    const { r, lora_alpha, use_rslora, rank_pattern, alpha_pattern } = trained.config;
    assert.equal(r, 2);
    close(Number(lora_alpha) / 2, trained.scaling_before, 1e-6, 'what the configuration says');
    assert.deepEqual([use_rslora, rank_pattern, alpha_pattern], [false, {}, {}]);
    assert.deepEqual(trained.linear, [
      [2, 2],
      [2, 2],
    ]);
    const shapes = [
      [2, 16],
      [16, 2],
      [2, 16],
      [16, 2],
    ];
    assert.deepEqual(trained.optimizer, shapes);
    assert.deepEqual(Object.values(trained.state_dict), shapes);
    for (const [what, words] of [
      ['several', /WRAPPER_MISSING: 0 DistributedDataParallel wrap the model/],
      ['embedding', /q_proj: embeddings cannot be annealed/],
      ['convolution', /q_proj: only Linear factors can be annealed, not Conv2d/],
      ['variant', /q_proj: .*DoRA/],
      ['no_adapter', /'other'/],
      ['no_layers', /no LoRA layers/],
    ] as const) {
      assert.match(trained.refused[what] ?? '', words, what);
    }
  });
});
