import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScheduleRequest } from '../../src/contract/schedule.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import { refusal } from './requests.ts';

const BASE = {
  source_rank: 64,
  target_rank: 4,
  total_steps: 2000,
  recipe: 'equal',
} satisfies ScheduleRequest;

describe('a schedule that contradicts itself', () => {
  const cases: readonly (readonly [string, Partial<ScheduleRequest>, string])[] = [
    [
      'a rank that rises',
      { source_rank: 4, target_rank: 64 },
      'source_rank (4) is below target_rank (64); a squeeze cannot raise a rank.',
    ],
    ['one stage for two ranks', { stages: 1 }, 'stages is 1, but rank 64 and rank 4 are two stages.'],
    [
      'ranks without custom',
      { ranks: [64, 4] },
      'ranks can only be used with shape "custom", but shape is "geometric".',
    ],
    [
      'ranks with another shape',
      { ranks: [64, 4], shape: 'linear' },
      'ranks can only be used with shape "custom", but shape is "linear".',
    ],
    [
      'custom without ranks',
      { shape: 'custom' },
      'shape is "custom", which requires ranks, the rank of every stage.',
    ],
    [
      'custom with a number of stages',
      { shape: 'custom', ranks: [64, 4], stages: 2 },
      'stages is 2, but shape "custom" has as many stages as ranks.',
    ],
    [
      'ranks from elsewhere',
      { shape: 'custom', ranks: [63, 4] },
      'ranks[0] is 63, but the first rank must be source_rank (64).',
    ],
    [
      'ranks to elsewhere',
      { shape: 'custom', ranks: [64, 32] },
      'ranks[1] is 32, but the last rank must be target_rank (4).',
    ],
    [
      'ranks that repeat',
      { shape: 'custom', ranks: [64, 32, 32, 4] },
      'ranks[2] is 32 but must be below the previous rank (32).',
    ],
    [
      'ranks that rise',
      { shape: 'custom', ranks: [64, 8, 16, 4] },
      'ranks[2] is 16 but must be below the previous rank (8).',
    ],
  ];
  for (const [name, change, message] of cases) {
    it(`is refused: ${name}`, () => {
      const error = refusal({ ...BASE, ...change });
      assert.equal(error.code, 'SCHEDULE_INVALID');
      assert.equal(error.message, message);
    });
  }
});

describe('a schedule with too few steps', () => {
  const tooShort = (change: Partial<ScheduleRequest>) => {
    const error = refusal({ ...BASE, ...change });
    assert.equal(error.code, 'SCHEDULE_TOO_SHORT');
    return error;
  };

  it('is refused if the number of stages was given', () => {
    const error = tooShort({ stages: 5, total_steps: 999 });
    assert.equal(error.message, '5 stages need 1000 steps (min_stage_steps 200), but total_steps is 999.');
    assert.deepEqual(error.context, {
      stages: 5,
      needed_steps: 1000,
      total_steps: 999,
      min_stage_steps: 200,
      warm_up_steps: 0,
      final_steps: 0,
      final_share: 0,
    });
    assert.equal(planSchedule({ ...BASE, stages: 5, total_steps: 1000 }).stages.length, 5);
  });

  it('is refused with the requested stages if rounding leaves fewer', () => {
    const error = tooShort({ stages: 30, total_steps: 3000 });
    assert.match(
      error.message,
      /^(\d+) stages \(30 requested; after rounding to whole ranks, the others would repeat a rank\) need \d+ steps/,
    );
    const { stages, needed_steps } = error.context;
    assert.ok(error.message.startsWith(`${stages} stages`) && (stages as number) < 30);
    assert.equal(needed_steps, 200 * (stages as number));
  });

  it('is refused if the ranks were given', () => {
    const custom = { shape: 'custom' as const, ranks: [64, 16, 4] };
    assert.match(tooShort({ ...custom, total_steps: 599 }).message, /^3 stages need 600 steps/);
    assert.equal(planSchedule({ ...BASE, ...custom, total_steps: 600 }).stages.length, 3);
  });

  it('is refused if not even source and target fit', () => {
    const error = tooShort({ total_steps: 1499, warm_up_steps: 1000, final_steps: 500 });
    assert.equal(
      error.message,
      '2 stages need 1500 steps (min_stage_steps 200, warm_up_steps 1000, final_steps 500), but total_steps is 1499.',
    );
    const fitting = planSchedule({ ...BASE, total_steps: 1500, warm_up_steps: 1000, final_steps: 500 });
    assert.equal(fitting.stages.length, 2);
  });

  it('is refused if its only stage would be too short', () => {
    const error = tooShort({ source_rank: 4, total_steps: 100 });
    assert.equal(
      error.message,
      'One stage at rank 4 needs 200 steps (min_stage_steps 200), but total_steps is 100.',
    );
    assert.equal(planSchedule({ ...BASE, source_rank: 4, total_steps: 200 }).stages.length, 1);
  });
});
