import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LearningRateRequest, Schedule } from '../../src/contract/schedule.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import fc from '../fast-check.ts';
import { planned, requests } from './requests.ts';

const learningRates: fc.Arbitrary<LearningRateRequest> = fc.record(
  {
    schedule: fc.constantFrom('recommended', 'constant', 'linear', 'cosine'),
    warm_up_steps: fc.integer({ min: 0, max: 6000 }),
  },
  { requiredKeys: [] },
);

/** The learning rate after `step` steps, calculated from the plan's stages as a client does. */
function recommendedRate({ stages }: Schedule, step: number): number {
  const { begin_step, end_step, learning_rate } = stages.find((stage) => step < stage.end_step)!;
  const { factor, warm_up_steps, decay_steps } = learning_rate;
  const warmUp = warm_up_steps === 0 ? 1 : Math.min(1, (step - begin_step + 1) / warm_up_steps);
  const decay = decay_steps === 0 ? 1 : Math.min(1, (end_step - step) / decay_steps);
  return factor * warmUp * decay;
}

/** The learning rate of a trainer with its own scheduler. */
function trainersRate(
  schedule: string,
  { stages, total_steps }: Schedule,
  step: number,
  warmUp: number,
): number {
  const { factor } = stages.find((stage) => step < stage.end_step)!.learning_rate;
  if (step < warmUp) return (factor * (step + 1)) / warmUp;
  const progress = (step - warmUp) / (total_steps - warmUp);
  if (schedule === 'linear') return factor * (1 - progress);
  return schedule === 'cosine' ? (factor * (1 + Math.cos(Math.PI * progress))) / 2 : factor;
}

describe('the learning rate of a plan', () => {
  it('rises after each squeeze, falls only in the last stage, and grows as the rank falls', () => {
    const { stages } = planSchedule({ source_rank: 64, target_rank: 8, total_steps: 2000 });
    assert.deepEqual(
      stages.map(({ steps, learning_rate }) => [
        steps,
        learning_rate.factor.toFixed(4),
        learning_rate.warm_up_steps,
        learning_rate.decay_steps,
      ]),
      [
        [334, '1.0000', 60, 0],
        [333, '1.2599', 30, 0],
        [333, '1.5874', 30, 0],
        [1000, '2.0000', 30, 1000],
      ],
    );
  });

  it('has shares that equal the sums over all steps', () => {
    let made = 0;
    fc.assert(
      fc.property(requests, learningRates, (request, learning_rate) => {
        const plan = planned({ ...request, learning_rate });
        if (!plan || plan.total_steps > 6000) return;
        made++;
        const { schedule = 'recommended' } = learning_rate;
        const warmUp = Math.min(
          learning_rate.warm_up_steps ?? Math.ceil(0.03 * plan.total_steps),
          plan.total_steps,
        );
        const sums = plan.stages.map(({ begin_step, end_step }) => {
          let sum = 0;
          for (let step = begin_step; step < end_step; step++)
            sum +=
              schedule === 'recommended'
                ? recommendedRate(plan, step)
                : trainersRate(schedule, plan, step, warmUp);
          return sum;
        });
        const whole = sums.reduce((total, sum) => total + sum, 0);
        for (const [index, { learning_rate: found }] of plan.stages.entries())
          assert.ok(
            Math.abs(found.share - sums[index]! / whole) < 1e-9,
            `stage ${index}: ${found.share}, ${sums[index]! / whole}`,
          );
      }),
      { numRuns: 300 },
    );
    assert.ok(made > 50, String(made));
  });

  it('reports that the last stage is starved, and by which scheduler', () => {
    const request = { source_rank: 64, target_rank: 4, total_steps: 4000 };
    assert.deepEqual(planSchedule(request).notes, []);
    const linear = { schedule: 'linear' } as const;
    assert.deepEqual(planSchedule({ ...request, learning_rate: linear }).notes, []);
    const equal = planSchedule({ ...request, recipe: 'equal', learning_rate: linear });
    assert.match(
      equal.notes.join(),
      /^Rank 4 is trained for 800 steps and gets \d\.\d % of Σ\(learning rate × steps\),.* The linear schedule/,
    );
    const late = planSchedule({ ...request, squeeze_steps: [1000, 2000, 3000, 3900] });
    assert.match(
      late.notes.join(),
      /^Rank 4 is trained for 100 steps and gets .* Give the last stage more steps\.$/,
    );
  });
});
