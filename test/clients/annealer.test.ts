import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Stage } from '../../src/contract/schedule.ts';
import { runWithTorch, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const PEAK = 0.02;
const STEPS = 60;
const TOLERANCE = 1e-12;

/** For every step: the learning rate of the LoRA factors, and that of a trained head if there is one. */
type Rates = readonly (readonly [factors: number, head: number])[];

interface OwnScheduler {
  readonly warnings: readonly string[];
  /** Whether each warning names a line of the trainer, not of the package. */
  readonly warned_of: readonly boolean[];
  readonly rates: Rates;
  readonly hint: number;
  readonly base_rates: readonly number[];
  readonly shown: readonly number[];
  readonly used: readonly number[];
}

interface LearningRates {
  readonly by_plan: {
    readonly stages: readonly Stage[];
    readonly rates: Rates;
    readonly saved_groups: readonly number[];
    readonly groups: readonly number[];
    readonly resumed_rates: Rates;
    readonly same_end: boolean;
    readonly learned: number;
  };
  readonly alone: { readonly rates: Rates; readonly last: readonly number[] };
  readonly by_spectrum: {
    readonly rates: readonly number[];
    readonly squeezes: readonly { readonly step: number; readonly rank: number }[];
  };
  readonly trainer_equal: OwnScheduler;
  readonly trainer_recommended: OwnScheduler;
  readonly hint: OwnScheduler;
  readonly overridden: OwnScheduler;
  readonly undecided: { readonly code: string; readonly unchanged: boolean };
  readonly not_given: { readonly code: string; readonly unchanged: boolean };
  readonly mixed_alone: string;
  readonly contradiction: string;
}

interface Precision {
  readonly lost: number;
  readonly ranks: readonly number[];
  readonly dtypes: readonly string[];
  readonly held_dtypes: readonly string[];
  readonly held: number;
  readonly moments: readonly (readonly number[])[];
  readonly shapes: readonly (readonly number[])[];
  readonly squeezes: readonly number[];
  readonly skipped?: number;
  readonly rounded?: boolean;
  readonly copies?: number;
}

interface Trained {
  readonly squeezes: readonly {
    readonly record: readonly [step: number, rank: number, late: number];
    readonly step: number;
    readonly loss: number;
    readonly error: number;
  }[];
  readonly rates: readonly number[];
  readonly warnings: readonly string[];
  readonly is_local: boolean;
  readonly ranks: readonly number[];
  readonly loss: number;
  readonly moments: readonly (readonly number[])[];
  /** Step, whether superseded, and rank of each checkpoint in the service. */
  readonly run: readonly (readonly [number, boolean, number])[];
}

interface Refusal {
  readonly code: string | null;
  readonly type?: string;
  readonly message?: string;
  readonly unchanged: boolean;
}

const near = (actual: number, expected: number, tolerance: number, what: string): void =>
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `${what}: ${actual}, not ${expected}`,
  );

/** As in docs/schedules.md, Learning rate: for the factors, and for what is trained beside them. */
function planned(stages: readonly Stage[], step: number): [factors: number, head: number] {
  const { begin_step, end_step, learning_rate } = stages.findLast((one) => one.begin_step <= step)!;
  const { factor, warm_up_steps, decay_steps } = learning_rate;
  const rise = (begin: number, steps: number) => (steps === 0 ? 1 : Math.min(1, (step - begin + 1) / steps));
  const fall = decay_steps === 0 ? 1 : Math.min(1, (end_step - step) / decay_steps);
  return [
    PEAK * factor * rise(begin_step, warm_up_steps) * fall,
    PEAK * rise(0, stages[0]!.learning_rate.warm_up_steps) * fall,
  ];
}

describe('an Annealer', { skip: skipWithoutPython('torch', 'safetensors', 'numpy') }, () => {
  const fixture = serviceFixture('annealer');
  let rates: LearningRates;
  let precision: Readonly<Record<'accumulated' | 'autocast' | 'scaled' | 'masters', Precision>>;
  let away: Readonly<Record<string, Trained>> & {
    readonly raises: unknown;
    readonly resumed_locally: unknown;
    readonly refused: Readonly<Record<string, string | null>>;
  };
  let mistakes: Readonly<Record<'at_construction' | 'at_calls', Readonly<Record<string, Refusal>>>> &
    Readonly<Record<string, { readonly code: string | null; readonly at?: number }>>;
  before(async () => {
    const scripts = ['learning_rate', 'precision', 'unavailable', 'mistakes'].map(
      (name) => `anneal_${name}.py`,
    );
    const printed = await runWithTorch(fixture.service.url, ...scripts);
    [rates, precision, away, mistakes] = printed as [
      typeof rates,
      typeof precision,
      typeof away,
      typeof mistakes,
    ];
  });

  describe('and the learning rate', () => {
    it('follows the plan; a head in the same group is not scaled with the factors', () => {
      const { by_plan } = rates;
      assert.equal(by_plan.rates.length, STEPS);
      for (const [step, [factors, head]] of by_plan.rates.entries()) {
        const [plannedFactors, plannedHead] = planned(by_plan.stages, step);
        near(factors, plannedFactors, TOLERANCE, `factors at ${step}`);
        // Before the annealer was created, they were one group.
        near(head ?? factors, plannedHead, TOLERANCE, `head at ${step}`);
      }
      assert.ok(by_plan.learned < 0.2, `${by_plan.learned}`);
    });

    it('splits the group, saves the optimizer as if it had not, and resumes bit for bit', () => {
      assert.deepEqual(rates.by_plan.groups, [4, 1]);
      assert.deepEqual(rates.by_plan.saved_groups, [5]);
      assert.deepEqual(rates.by_plan.resumed_rates, rates.by_plan.rates);
      assert.equal(rates.by_plan.same_end, true);
    });

    it('is a scheduler for torch alone as well, with a state that can be saved', () => {
      for (const [step, [factors, head]] of rates.alone.rates.entries()) {
        const [plannedFactors, plannedHead] = planned(rates.by_plan.stages, step);
        near(factors, plannedFactors, TOLERANCE, `factors at ${step}`);
        near(head, 10 * plannedHead, TOLERANCE, `group of its own rate at ${step}`);
      }
      assert.deepEqual(rates.alone.last, [0, 0]);
      assert.equal(rates.mixed_alone, 'PARAMETER_GROUPS');
    });

    it('follows squeezes that were not planned, and decays once the target rank is reached', () => {
      const { rates: seen, squeezes } = rates.by_spectrum;
      const { step, rank } = squeezes.at(-1)!;
      assert.equal(rank, 2);
      const afterWarmUp = step + Math.min(30, Math.floor(0.1 * (STEPS - step)));
      for (let at = afterWarmUp; at < STEPS; at += 1) {
        const expected = (PEAK * Math.cbrt(8 / rank) * (STEPS - at)) / (STEPS - step);
        near(seen[at]!, expected, 1e-9, `rate at ${at}`);
      }
      near(seen[step - 1]!, PEAK * Math.cbrt(8 / (squeezes.at(-2)?.rank ?? 8)), 1e-9, 'before the squeeze');
    });

    it('warns if the trainer’s own scheduler starves the last stage', () => {
      assert.deepEqual(rates.trainer_recommended.warnings, []);
      assert.equal(rates.trainer_equal.warnings.length, 1);
      assert.deepEqual(rates.trainer_equal.warned_of, [true]);
      assert.match(rates.trainer_equal.warnings[0]!, /20 of 60 steps but 11\.5 % of Σ/);
    });

    it('leaves that scheduler alone, raises it at squeezes or overrides it, as requested; and asks if it is unclear', () => {
      const linear = (step: number) => PEAK * (1 - step / STEPS);
      for (const [step, [rate]] of rates.trainer_equal.rates.entries())
        near(rate, linear(step), TOLERANCE, `alone at ${step}`);
      const { hint, overridden } = rates;
      near(hint.rates.at(-1)![0], linear(STEPS - 1) * hint.hint, 1e-9, 'factors, raised');
      near(hint.rates.at(-1)![1], linear(STEPS - 1), 1e-9, 'head, not raised');
      near(hint.base_rates[0]!, PEAK * hint.hint, 1e-9, 'base rate');
      for (const [step, [factors, head]] of overridden.rates.entries()) {
        const [plannedFactors, plannedHead] = planned(rates.by_plan.stages, step);
        near(factors, plannedFactors, TOLERANCE, `overridden at ${step}`);
        near(head, plannedHead, TOLERANCE, `overridden head at ${step}`);
      }
      assert.deepEqual(overridden.shown, overridden.used);
      assert.equal(rates.contradiction, 'LEARNING_RATE');
      assert.deepEqual(rates.undecided, { code: 'LEARNING_RATE', unchanged: true });
      assert.deepEqual(rates.not_given, { code: 'SCHEDULERS_MISSING', unchanged: true });
    });
  });

  describe('trains', () => {
    for (const [how, what] of [
      ['accumulated', 'in micro-batches'],
      ['autocast', 'with autocast'],
      ['scaled', 'with a gradient scaler that skips steps'],
      ['masters', 'copies of what the model has'],
    ] as const) {
      it(what, () => {
        const { lost, ranks, held, moments, shapes, squeezes, held_dtypes } = precision[how];
        assert.ok(lost < 0.2, `${lost} of the loss is left`);
        assert.deepEqual(ranks, [2, 2]);
        assert.deepEqual(squeezes, [15, 30]);
        assert.equal(held, 4);
        assert.deepEqual(moments, shapes);
        assert.deepEqual(held_dtypes, ['torch.float32']);
      });
    }

    it('across steps that the scaler skipped', () => {
      assert.ok(precision.scaled.skipped! >= 2, `${precision.scaled.skipped}`);
    });

    it('bfloat16 parameters without float32 masters, rounded', () => {
      const { dtypes, rounded, copies } = precision.masters;
      assert.deepEqual(dtypes, ['torch.bfloat16']);
      assert.deepEqual([rounded, copies], [true, 4]);
    });
  });

  describe('without its service', () => {
    const same = (one: Trained, other: Trained): void => {
      assert.deepEqual(
        one.squeezes.map(({ record }) => record),
        other.squeezes.map(({ record }) => record),
      );
      for (const [index, { loss, error }] of one.squeezes.entries()) {
        near(loss, other.squeezes[index]!.loss, 1e-4, 'loss after a squeeze');
        near(error, other.squeezes[index]!.error, 1e-6, 'relative error');
      }
      for (const [step, rate] of one.rates.entries())
        near(rate, other.rates[step]!, TOLERANCE, `rate at ${step}`);
      assert.deepEqual(one.moments, other.moments);
      near(one.loss, other.loss, 1e-2, 'loss at the end');
    };

    it('trains as with it, by schedule and by spectrum', () => {
      assert.equal(away.served!.is_local, false);
      assert.equal(away.without!.is_local, true);
      same(away.without!, away.served!);
      same(away.adaptive_without!, away.adaptive_served!);
      assert.deepEqual(away.resumed_locally, { rates: true, loss: true });
    });

    it('continues in its own process if it may, from the start or in the middle', () => {
      for (const [name, twin] of [
        ['local', 'served'],
        ['from_the_start', 'served'],
        ['adaptive', 'adaptive_served'],
      ] as const) {
        assert.equal(away[name]!.is_local, true, name);
        assert.equal(away[name]!.warnings.length, 1, name);
        assert.match(away[name]!.warnings[0]!, /the service is away/, name);
        same(away[name]!, away[twin]!);
      }
      assert.deepEqual(away.local!.run, [[15, false, 4]]);
    });

    it('skips a squeeze and makes up for it, with the learning rate of the rank it has', () => {
      const { squeezes, warnings, rates: seen, run } = away.skip!;
      assert.deepEqual(
        squeezes.map(({ record }) => record),
        [
          [17, 4, 2],
          [30, 2, 0],
        ],
      );
      assert.equal(warnings.length, 2);
      assert.match(warnings[0]!, /step 15 is left out, it is tried again at step 16/);
      assert.deepEqual(seen.slice(14, 17), [PEAK, PEAK, PEAK]);
      near(seen[18]!, PEAK * Math.cbrt(2), 1e-9, 'after the squeeze');
      assert.deepEqual(run, [
        [17, false, 4],
        [30, false, 2],
      ]);
    });

    it('takes back a squeeze whose response never arrived', () => {
      assert.deepEqual(away.skip_unanswered!.run, [
        [15, true, 4],
        [15, false, 4],
        [30, false, 2],
      ]);
      assert.deepEqual(away.skip_unanswered!.ranks, [2, 2]);
    });

    it('keeps its rank if the service never comes back, and reports it', () => {
      const { squeezes, warnings, ranks } = away.skip_for_good!;
      assert.deepEqual(squeezes, []);
      assert.deepEqual(ranks, [8, 8]);
      assert.match(warnings.at(-1)!, /step 60 is left out, the adapter keeps rank 8$/);
    });

    it('raises the error of the connection unless configured otherwise, and the same call works later', () => {
      assert.deepEqual(away.raises, { raised: 'UnreachableError', unchanged: true, rank_after: 4 });
    });

    it('refuses what only the service can do, and plans that cannot be met', () => {
      assert.deepEqual(away.refused, {
        resumed_rank: 'RESUMED_RANK',
        after_the_end: 'RESUMED_STEP',
        too_short: 'SCHEDULE_TOO_SHORT',
        rising: 'SCHEDULE_INVALID',
        by_module: 'NOT_LOCAL',
        by_module_later: 'NOT_LOCAL',
        unknown: 'REQUEST',
        policy: 'ARGUMENT',
        run_alone: 'REQUEST',
      });
    });
  });

  describe('reports mistakes', () => {
    const expected: Readonly<Record<string, readonly [code: string, words: RegExp]>> = {
      source_rank: ['SOURCE_RANK', /source_rank is 8, but the layers have rank 4/],
      no_layers: ['NO_LAYERS', /peft_layers/],
      not_held: ['NOT_IN_OPTIMIZER', /toy\.first\.lora_A\.weight/],
      layer_shape: ['LAYER_SHAPE', /flat has lora_A \[8, 24\] and lora_B \[8\]/],
      other_shapes: [
        'OPTIMIZER_STATE_SHAPE',
        /exp_avg of base_model\.model\.toy\.first\.lora_A\.weight has shape \[3, 3\], not \[8, 24\]/,
      ],
      eight_bits: ['OPTIMIZER_8BIT', /AdamW8bit .* use torch\.optim\.AdamW/],
      deepspeed_optimizer: ['DEEPSPEED_UNSUPPORTED', /DeepSpeedZeroOptimizer: .*train with DDP/],
      deepspeed: ['DEEPSPEED_UNSUPPORTED', /DeepSpeedEngine/],
      fsdp: ['FSDP_UNSUPPORTED', /FullyShardedDataParallel/],
      kohya_layers: ['KOHYA_UNSUPPORTED', /squeeze the saved file/],
      kohya_model: ['KOHYA_UNSUPPORTED', /squeeze the saved file/],
      lbfgs: ['OPTIMIZER_UNSUPPORTED', /LBFGS/],
      resumed_too_late: ['RESUMED_STEP', /step 201 is after the last .* 200/],
      resumed_in_the_past: ['RESUMED_RANK', /has rank 8 at step 20, the layers have 4/],
      resumed_without_loading: ['RESUMED_RANK', /has rank 4 at step 60, the layers have 8/],
    };

    it('when it is created, by name, and leaves the trainer unchanged', () => {
      const { resumed_well, ...refused } = mistakes.at_construction;
      assert.equal(resumed_well!.code, null);
      assert.deepEqual(Object.keys(refused).sort(), Object.keys(expected).sort());
      for (const [name, [code, words]] of Object.entries(expected)) {
        assert.equal(refused[name]!.code, code, name);
        assert.match(refused[name]!.message!, words, name);
        assert.equal(refused[name]!.unchanged, true, name);
      }
    });

    it('when it is called twice for a step, or with gradients pending', () => {
      const { repeated, pending } = mistakes.at_calls;
      assert.deepEqual([repeated!.code, repeated!.unchanged], ['STEP_REPEATED', true]);
      assert.deepEqual([pending!.code, pending!.unchanged], ['GRADIENTS_PENDING', true]);
    });

    it('when it is called for micro-batches, well before the first squeeze', () => {
      assert.deepEqual(mistakes.by_micro_batches, { code: 'GRADIENTS_PENDING', at: 1 });
      assert.deepEqual(mistakes.same_number, { code: 'GRADIENTS_PENDING', at: 1 });
      assert.deepEqual(mistakes.counted_by_micro_batches, { code: 'STEP_AHEAD', at: 28 });
      assert.deepEqual(mistakes.right, { code: null });
    });
  });
});
