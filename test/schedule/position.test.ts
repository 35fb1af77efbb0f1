import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import { stageAt } from '../../src/schedule/position.ts';
import fc from '../fast-check.ts';
import { planned, requests } from './requests.ts';

/** 64, 8, 1 over 3000 steps: squeezes at 1000 and 2000. */
const SCHEDULE = planSchedule({
  source_rank: 64,
  target_rank: 1,
  total_steps: 3000,
  stages: 3,
  recipe: 'equal',
});

describe('the position of training in a schedule', () => {
  it('is the stage that begins at the step or before it, and ends after it', () => {
    const rankAt = (step: number): number => stageAt(SCHEDULE, step).rank;
    assert.deepEqual([0, 1, 999].map(rankAt), [64, 64, 64]);
    assert.deepEqual([1000, 1001, 1999].map(rankAt), [8, 8, 8]);
    assert.deepEqual([2000, 2999].map(rankAt), [1, 1]);
    assert.equal(rankAt(3000), 1, 'the end belongs to the last stage');
  });

  it('is undefined before the first step, after the last, and between two', () => {
    for (const step of [-1, 3001, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => stageAt(SCHEDULE, step), RangeError, String(step));
    }
  });

  it('is the only one if the rank stays', () => {
    const still = planSchedule({ source_rank: 8, target_rank: 8, total_steps: 1000 });
    assert.equal(stageAt(still, 1000).rank, 8);
  });

  it('agrees with the stages of any schedule', () => {
    fc.assert(
      fc.property(requests, fc.nat(), (request, seed) => {
        const schedule = planned(request);
        if (!schedule) return;
        const step = seed % (schedule.total_steps + 1);
        const stage = stageAt(schedule, step);
        assert.ok(stage.begin_step <= step);
        assert.ok(step < stage.end_step || step === schedule.total_steps);
      }),
    );
  });
});
