import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { Schedule, ScheduleRequest } from '../../src/contract/schedule.ts';
import { defaultStages } from '../../src/schedule/choose-ranks.ts';
import { resolveClock } from '../../src/schedule/clock.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import fc from '../fast-check.ts';
import { planned, ranksOfStages, refusal, requests, stepsOfStages } from './requests.ts';

const sum = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0);

describe('a schedule', () => {
  it('halves the rank and shares the steps equally on request', () => {
    const schedule = planSchedule({ source_rank: 64, target_rank: 1, total_steps: 2000, recipe: 'equal' });
    assert.deepEqual(ranksOfStages(schedule), [64, 32, 16, 8, 4, 2, 1]);
    assert.deepEqual(stepsOfStages(schedule), [286, 286, 286, 286, 286, 285, 285]);
    assert.deepEqual(schedule.squeezes, [
      { step: 286, from_rank: 64, to_rank: 32 },
      { step: 572, from_rank: 32, to_rank: 16 },
      { step: 858, from_rank: 16, to_rank: 8 },
      { step: 1144, from_rank: 8, to_rank: 4 },
      { step: 1430, from_rank: 4, to_rank: 2 },
      { step: 1715, from_rank: 2, to_rank: 1 },
    ]);
    // (286·(64 + 32 + 16 + 8 + 4) + 285·(2 + 1)) / 2000
    assert.equal(schedule.mean_rank, 36319 / 2000);
    assert.equal(schedule.relative_cost, 36319 / 2000 / 64);
    assert.match(schedule.notes.join(), /^Rank 1 is trained for 285 steps and gets 14\.3 % /);
    const { shape, stage_lengths, warm_up_steps, final_steps, min_stage_steps } = schedule;
    assert.deepEqual(
      { shape, stage_lengths, warm_up_steps, final_steps, min_stage_steps },
      { shape: 'geometric', stage_lengths: 'equal', warm_up_steps: 0, final_steps: 0, min_stage_steps: 200 },
    );
  });

  it('states what each stage trains and needs', () => {
    const { stages } = planSchedule({
      source_rank: 8,
      target_rank: 4,
      total_steps: 400,
      modules: [{ out_features: 30, in_features: 20, count: 2 }],
      dtype: 'float16',
      optimizer: 'sgd_momentum',
    });
    assert.deepEqual(
      stages.map(({ learning_rate: _rate, ...stage }) => stage),
      [
        {
          index: 0,
          rank: 8,
          begin_step: 0,
          end_step: 200,
          steps: 200,
          parameters: 800,
          memory: { weights_bytes: 1600, gradients_bytes: 1600, optimizer_bytes: 3200, total_bytes: 6400 },
        },
        {
          index: 1,
          rank: 4,
          begin_step: 200,
          end_step: 400,
          steps: 200,
          parameters: 400,
          memory: { weights_bytes: 800, gradients_bytes: 800, optimizer_bytes: 1600, total_bytes: 3200 },
        },
      ],
    );
  });

  it('has one stage and no squeeze if the rank stays', () => {
    const schedule = planSchedule({ source_rank: 16, target_rank: 16, total_steps: 500, shape: 'cosine' });
    assert.deepEqual(ranksOfStages(schedule), [16]);
    assert.deepEqual(schedule.squeezes, []);
    assert.deepEqual([schedule.mean_rank, schedule.relative_cost], [16, 1]);
    assert.deepEqual(schedule.notes, []);
  });

  it('uses listed ranks unchanged', () => {
    const custom = {
      source_rank: 48,
      target_rank: 5,
      total_steps: 900,
      shape: 'custom' as const,
      recipe: 'equal' as const,
    };
    const schedule = planSchedule({ ...custom, ranks: [48, 47, 5], final_steps: 400 });
    assert.deepEqual(ranksOfStages(schedule), [48, 47, 5]);
    assert.deepEqual(stepsOfStages(schedule), [250, 250, 400]);
    const still = planSchedule({ ...custom, source_rank: 5, ranks: [5] });
    assert.deepEqual(stepsOfStages(still), [900]);
  });

  it('has fewer stages than by default if the steps do not suffice, and reports it', () => {
    const schedule = planSchedule({ source_rank: 64, target_rank: 1, total_steps: 1000, recipe: 'equal' });
    assert.deepEqual(ranksOfStages(schedule), [64, 23, 8, 3, 1]);
    assert.deepEqual(stepsOfStages(schedule), [200, 200, 200, 200, 200]);
    assert.equal(schedule.notes.length, 1);
    assert.match(
      schedule.notes[0]!,
      /^The schedule has 5 stages\. One .* would be 7, which need 1400 steps; total_steps is 1000\.$/,
    );
    const warmed = planSchedule({
      source_rank: 64,
      target_rank: 1,
      total_steps: 1400,
      recipe: 'equal',
      warm_up_steps: 900,
    });
    assert.deepEqual(stepsOfStages(warmed), [900, 250, 250]);
    assert.match(warmed.notes[0]!, /^The schedule has 3 stages\. .* 7, which need 2100 steps/);
  });

  it('reports requested ranks that repeat, and stages whose length min_stage_steps determines', () => {
    const repeated = planSchedule({ source_rank: 4, target_rank: 1, total_steps: 2000, stages: 9 });
    assert.deepEqual(ranksOfStages(repeated), [4, 3, 2, 1]);
    assert.match(repeated.notes.join(), /^The schedule has 4 stages instead of 9, .*repeat/);
    const still = planSchedule({ source_rank: 8, target_rank: 8, total_steps: 2000, stages: 3 });
    assert.match(still.notes.join(), /^The schedule has 1 stage instead of 3, .*repeat/);
    const request = {
      source_rank: 16,
      target_rank: 1,
      total_steps: 1000,
      recipe: 'equal',
      stage_lengths: 'rank_proportional',
    } as const;
    const lifted = planSchedule({ ...request, stages: 3 });
    assert.deepEqual(stepsOfStages(lifted), [600, 200, 200]);
    assert.match(lifted.notes.join(), /^Ranks 4, 1: 200 steps because of min_stage_steps/);
    const asked = planSchedule({ ...request, stages: 2, warm_up_steps: 990, min_stage_steps: 10 });
    assert.deepEqual(
      asked.notes.filter((note) => note.includes('min_stage_steps')),
      [],
      'a warm-up is as asked for',
    );
  });

  it('keeps its promises for every request', () => {
    let made = 0;
    fc.assert(
      fc.property(requests, (request) => {
        const schedule = planned(request);
        if (!schedule) return;
        made++;
        assert.ok(Value.Check(ScheduleRequest, request) && Value.Check(Schedule, schedule));
        const { stages, squeezes, total_steps, source_rank } = schedule;
        const clock = resolveClock(request);
        assert.equal(sum(stepsOfStages(schedule)), total_steps);
        assert.ok(stages[0]!.steps >= clock.warmUpSteps && stages.at(-1)!.steps >= clock.finalSteps);
        assert.ok(stages.every(({ steps }) => steps >= clock.minStageSteps));
        assert.equal(stages[0]!.rank, request.source_rank);
        assert.equal(stages.at(-1)!.rank, request.target_rank);
        assert.equal(stages[0]!.begin_step, 0);
        assert.equal(squeezes.length, stages.length - 1);
        for (const [index, stage] of stages.entries()) {
          assert.equal(stage.index, index);
          assert.equal(stage.end_step - stage.begin_step, stage.steps);
          const next = stages[index + 1];
          if (!next) continue;
          assert.ok(next.rank < stage.rank);
          assert.equal(next.begin_step, stage.end_step);
          assert.deepEqual(squeezes[index], {
            step: stage.end_step,
            from_rank: stage.rank,
            to_rank: next.rank,
          });
        }
        assert.ok(schedule.mean_rank >= request.target_rank && schedule.mean_rank <= source_rank);
        assert.equal(schedule.relative_cost, schedule.mean_rank / source_rank);
        const wanted = request.stages ?? defaultStages(request.source_rank, request.target_rank);
        assert.equal(
          schedule.notes.some((note) => /^The schedule has \d/.test(note)),
          stages.length < wanted,
        );
      }),
      { numRuns: 1000 },
    );
    assert.ok(made > 300, `only ${made} schedules were made`);
  });

  it('is the same for the same request, and leaves the request unchanged', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const before = structuredClone(request);
        assert.deepEqual(planned(request), planned(structuredClone(request)));
        assert.deepEqual(request, before);
      }),
    );
  });

  it('is refused with the number of steps that would suffice', () => {
    fc.assert(
      fc.property(requests, (request) => {
        if (planned(request)) return;
        const { context } = refusal(request);
        assert.ok((context.needed_steps as number) > request.total_steps);
        if (request.stages === undefined) assert.ok((context.stages as number) <= 2);
        const enough = { ...request, total_steps: context.needed_steps as number };
        assert.equal(planSchedule(enough).stages.length, context.stages, 'what is needed is enough');
      }),
    );
  });

  it('has the defaults that the contract states', () => {
    const { properties } = ScheduleRequest;
    const schedule: Readonly<Record<string, unknown>> = planSchedule({
      source_rank: 2,
      target_rank: 1,
      total_steps: 9000,
    });
    for (const name of [
      'shape',
      'stage_lengths',
      'warm_up_steps',
      'final_steps',
      'min_stage_steps',
    ] as const) {
      assert.equal(schedule[name], (properties[name] as { default?: unknown }).default, name);
    }
  });
});
