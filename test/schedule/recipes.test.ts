import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScheduleRequest } from '../../src/contract/schedule.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import fc from '../fast-check.ts';
import { planned, ranksOfStages, refusal, requests, stepsOfStages } from './requests.ts';

const REQUEST = { source_rank: 64, target_rank: 4, total_steps: 4000 } satisfies ScheduleRequest;

const stepsOf = (change: Partial<ScheduleRequest>): number[] =>
  stepsOfStages(planSchedule({ ...REQUEST, ...change }));

describe('the recommended recipe', () => {
  it('gives the target rank half of the steps, or the requested share', () => {
    assert.deepEqual(stepsOf({}), [500, 500, 500, 500, 2000]);
    assert.deepEqual(stepsOf({ final_share: 0.7 }), [300, 300, 300, 300, 2800]);
    assert.deepEqual(stepsOf({ recipe: 'equal' }), [800, 800, 800, 800, 800]);
  });

  it('makes no earlier stage longer than the last, however small its share', () => {
    assert.deepEqual(stepsOf({ stages: 2, final_share: 0.1 }), [2000, 2000]);
    assert.deepEqual(stepsOf({ final_share: 0.1 }), [800, 800, 800, 800, 800]);
    // 64 of 64 + 4 would be 3765; as it cannot be longer than the last stage, it has half of the steps.
    assert.deepEqual(
      stepsOf({ stages: 2, stage_lengths: 'rank_proportional', final_share: 0.01 }),
      [2000, 2000],
    );
  });

  it('holds for every request, and only a requested floor may be longer', () => {
    let made = 0;
    fc.assert(
      fc.property(
        requests,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.boolean(),
        (request, share, isGiven) => {
          const plan = planned({ ...request, ...(isGiven ? { final_share: share } : {}) });
          if (!plan || plan.stages.length === 1) return;
          made++;
          const steps = stepsOfStages(plan);
          const last = steps.at(-1)!;
          assert.ok(last >= (isGiven ? share : 0.5) * plan.total_steps, String(steps));
          assert.equal(
            steps.reduce((sum, count) => sum + count, 0),
            plan.total_steps,
          );
          for (const [index, count] of steps.entries())
            assert.ok(count <= Math.max(last, index === 0 ? plan.warm_up_steps! : 0, plan.min_stage_steps!));
        },
      ),
    );
    assert.ok(made > 20, String(made));
  });

  it('has fewer stages if its share leaves no room for them, or reports what it needs', () => {
    const plan = planSchedule({ ...REQUEST, total_steps: 1000 });
    assert.deepEqual(
      [ranksOfStages(plan), stepsOfStages(plan)],
      [
        [64, 16, 4],
        [250, 250, 500],
      ],
    );
    const error = refusal({ ...REQUEST, total_steps: 1000, stages: 5 });
    assert.equal(error.code, 'SCHEDULE_TOO_SHORT');
    assert.match(error.message, /^5 stages need 1600 steps \(min_stage_steps 200, final_share 0\.5\)/);
    assert.equal(refusal({ ...REQUEST, recipe: 'equal', final_share: 0.4 }).code, 'SCHEDULE_INVALID');
    const largest = refusal({ ...REQUEST, final_share: 0.99, min_stage_steps: 1e9, stages: 5 });
    assert.equal(largest.context.needed_steps, 4e11);
  });
});

describe('Cont-Squeeze', () => {
  it('is one squeeze, and half of the steps after it or the requested share', () => {
    const plan = planSchedule({ ...REQUEST, mode: 'cont' });
    assert.deepEqual([plan.mode, ranksOfStages(plan), stepsOfStages(plan)], ['cont', [64, 4], [2000, 2000]]);
    assert.deepEqual(stepsOf({ mode: 'cont', final_share: 0.75 }), [1000, 3000]);
    assert.deepEqual(stepsOf({ mode: 'cont', squeeze_steps: [3000] }), [3000, 1000]);
  });

  it('refuses options that would make more stages', () => {
    const changes: Partial<ScheduleRequest>[] = [{ stages: 3 }, { shape: 'linear' }, { ranks: [64, 4] }];
    for (const change of changes)
      assert.match(refusal({ ...REQUEST, mode: 'cont', ...change }).message, /^mode is "cont"/);
  });
});

describe('named steps', () => {
  it('are those of the squeezes, and determine the number of stages', () => {
    const plan = planSchedule({ ...REQUEST, squeeze_steps: [100, 1000] });
    assert.deepEqual(plan.squeezes, [
      { step: 100, from_rank: 64, to_rank: 16 },
      { step: 1000, from_rank: 16, to_rank: 4 },
    ]);
    assert.deepEqual(
      [plan.recipe, plan.final_share, plan.stage_lengths, plan.min_stage_steps, plan.final_steps],
      [null, null, null, null, null],
      'settings that the steps override are not reported',
    );
    assert.equal(planSchedule(REQUEST).min_stage_steps, 200);
    const custom = { shape: 'custom', ranks: [64, 5, 4], squeeze_steps: [60, 61] } as const;
    assert.deepEqual(
      stepsOf({ ...custom, ranks: [...custom.ranks], squeeze_steps: [60, 61] }),
      [60, 1, 3939],
    );
  });

  it('are refused if they do not increase within the training, or do not fit the stages', () => {
    const messages = [
      [
        { squeeze_steps: [1000, 1000] },
        /squeeze_steps\[1\] is 1000 but must be above the previous step \(1000\)/,
      ],
      [
        { squeeze_steps: [4000] },
        /squeeze_steps\[0\] is 4000 but must be at least 1 and below total_steps \(4000\)/,
      ],
      [
        { squeeze_steps: [1000], stages: 3 },
        /squeeze_steps names 1 step, but 3 stages from rank 64 to rank 4 take 2 squeezes/,
      ],
      [
        { squeeze_steps: [1000, 2000], shape: 'custom', ranks: [64, 4] },
        /squeeze_steps names 2 steps, but 2 stages from rank 64 to rank 4 take 1 squeeze\./,
      ],
      [
        { squeeze_steps: [1000, 2000, 3000], target_rank: 62 },
        /squeeze_steps names 3 steps, but 3 stages from rank 64 to rank 62 take 2 squeezes/,
      ],
      [{ squeeze_steps: [1000], target_rank: 64 }, /names 1 step, but 1 stage .* take 0 squeezes/],
      [{ squeeze_steps: [1000, 2000], mode: 'cont' }, /names 2 steps, but 2 stages .* take 1 squeeze\./],
      [
        { squeeze_steps: [2000, 1000] },
        /squeeze_steps\[1\] is 1000 but must be above the previous step \(2000\)/,
      ],
      [
        { squeeze_steps: [1000], recipe: 'equal' },
        /squeeze_steps decides how long stages last, so recipe cannot/,
      ],
      [
        { squeeze_steps: [1000], final_steps: 10 },
        /squeeze_steps decides how long stages last, so final_steps cannot/,
      ],
    ] as const;
    for (const [change, message] of messages) {
      const error = refusal({ ...REQUEST, ...change } as unknown as ScheduleRequest);
      assert.equal(error.code, 'SCHEDULE_INVALID');
      assert.match(error.message, message);
    }
  });
});
