import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { ScheduleRequest } from '../../src/contract/schedule.ts';
import fc from '../fast-check.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

type Request = Readonly<Record<string, unknown>>;
type Answer = Readonly<Record<string, unknown>> & { readonly code?: string; readonly detail?: string };

const TOLERANCE = 1e-12;
const REQUESTS = 600;

const rank = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 256 }), fc.constant(65536));
const floor = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 }));
const rateSchedule = fc.constantFrom<NonNullable<ScheduleRequest['learning_rate']>['schedule']>(
  'recommended',
  'constant',
  'linear',
  'cosine',
);

/** Requests of every kind; many of them contradict themselves, or have too few steps. */
const requests = fc
  .record(
    {
      source_rank: rank,
      target_rank: rank,
      total_steps: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 1e9 })),
      warm_up_steps: floor,
      final_steps: floor,
      min_stage_steps: fc.integer({ min: 1, max: 400 }),
      recipe: fc.constantFrom('recommended', 'equal'),
      final_share: fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100),
      stages: fc.integer({ min: 1, max: 12 }),
      stage_lengths: fc.constantFrom('equal', 'rank_proportional'),
      learning_rate: fc.record({ schedule: rateSchedule, warm_up_steps: floor }, { requiredKeys: [] }),
    },
    { requiredKeys: ['source_rank', 'target_rank', 'total_steps'] },
  )
  .chain((base): fc.Arbitrary<Request> => {
    const { source_rank, target_rank, total_steps } = base;
    const falling = { ...base, source_rank: Math.max(source_rank, target_rank) };
    falling.target_rank = Math.min(source_rank, target_rank);
    const ranks = fc.uniqueArray(fc.integer({ min: 1, max: falling.source_rank }), {
      minLength: 1,
      maxLength: 6,
    });
    const steps = fc.uniqueArray(fc.integer({ min: 1, max: total_steps }), { minLength: 1, maxLength: 5 });
    const { final_share: _share, ...withoutShare } = falling;
    const { stages: _stages, ...withoutStages } = falling;
    return fc.oneof(
      fc.constant(base),
      fc.constantFrom('geometric', 'linear', 'cosine').map((shape) => ({ ...falling, shape })),
      fc.constantFrom('geometric', 'linear', 'cosine').map((shape) => ({ ...withoutStages, shape })),
      fc.constant({ ...withoutShare, recipe: 'equal' }),
      fc.constant({ ...withoutStages, mode: 'cont' }),
      fc.constant({ ...falling, mode: 'cont' }),
      fc.integer({ min: 400, max: 1e6 }).map((total) => ({
        ...withoutShare,
        stages: undefined,
        mode: 'cont',
        recipe: 'equal',
        total_steps: total,
      })),
      ranks.map((some) => ({
        ...withoutStages,
        shape: 'custom',
        ranks: [...new Set([falling.source_rank, ...some.sort((x, y) => y - x), falling.target_rank])],
      })),
      ranks.map((some) => ({ ...base, shape: 'custom', ranks: some })),
      steps.map((some) => ({
        source_rank: falling.source_rank,
        target_rank: falling.target_rank,
        total_steps,
        learning_rate: base.learning_rate ?? {},
        squeeze_steps: some.sort((x, y) => x - y),
      })),
      steps.map((some) => ({ ...falling, squeeze_steps: some })),
    );
  });

/** Requests that the contract's schema refuses, sent to both. */
const IMPOSSIBLE: readonly (readonly [Request, string])[] = [
  [{ total_steps: 0 }, 'VALIDATION_FAILED'],
  [{ source_rank: 65537 }, 'VALIDATION_FAILED'],
  [{ source_rank: 8.5 }, 'VALIDATION_FAILED'],
  [{ target_rank: true }, 'VALIDATION_FAILED'],
  [{ final_share: 1 }, 'VALIDATION_FAILED'],
  [{ final_share: 0 }, 'VALIDATION_FAILED'],
  [{ recipe: 'best' }, 'VALIDATION_FAILED'],
  [{ mode: 'post' }, 'VALIDATION_FAILED'],
  [{ shape: 'exponential' }, 'VALIDATION_FAILED'],
  [{ squeeze_steps: [] }, 'VALIDATION_FAILED'],
  [{ squeeze_steps: [1.5] }, 'VALIDATION_FAILED'],
  [{ shape: 'custom', ranks: [64, 0] }, 'VALIDATION_FAILED'],
  [{ learning_rate: { schedule: 'exponential' } }, 'VALIDATION_FAILED'],
  [{ learning_rate: { warm_up_steps: -1 } }, 'VALIDATION_FAILED'],
  [{ learning_rate: { peak: 1 } }, 'UNKNOWN_OPTION'],
  [{ ratio: 2 }, 'UNKNOWN_OPTION'],
];
const BASE = { source_rank: 64, target_rank: 4, total_steps: 4000 };

describe('plan_schedule, without the service', { skip: skipWithoutPython('torch') }, () => {
  const fixture = serviceFixture('local-plan');
  const sample = fc.sample(requests, REQUESTS);
  const impossible = IMPOSSIBLE.map(([change]) => ({ ...BASE, ...change }));
  const unplanned = [
    { modules: [{ out_features: 8, in_features: 8 }] },
    { dtype: 'float16' },
    { optimizer: 'sgd' },
  ];
  let local: readonly Answer[];
  before(async () => {
    const path = join(fixture.folder, 'requests.json');
    const all = [...sample, ...impossible, ...unplanned.map((change) => ({ ...BASE, ...change }))];
    writeFileSync(path, JSON.stringify(all));
    local = await runPython<Answer[]>('local_plan.py', path);
  });

  const ask = async (request: Request): Promise<Answer> => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(request);
    const response = await fetch(`${fixture.service.url}/v1/schedules`, { method: 'POST', headers, body });
    return (await response.json()) as Answer;
  };

  it('plans like the service, and refuses with the same words', async () => {
    const seen = new Map<string, number>();
    for (const [index, request] of sample.entries()) {
      const [here, there] = [local[index]!, await ask(request)];
      const kind = there.code ?? `${there.mode} ${there.recipe} ${(there.stages as unknown[]).length > 1}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const expected = there.code ? { code: there.code, detail: there.detail } : there;
      assertClose(here, expected, JSON.stringify(request));
    }
    // Each kind of response occurred.
    for (const kind of ['in recommended true', 'in equal true', 'cont recommended true', 'cont equal true'])
      assert.ok((seen.get(kind) ?? 0) >= 10, `${kind}: ${JSON.stringify([...seen])}`);
    for (const code of ['SCHEDULE_INVALID', 'SCHEDULE_TOO_SHORT']) assert.ok(seen.get(code)! >= 10, code);
  });

  it('refuses what the contract does not allow', async () => {
    for (const [index, [, code]] of IMPOSSIBLE.entries()) {
      const request = impossible[index]!;
      assert.equal((await ask(request)).code, code, `service: ${JSON.stringify(request)}`);
      assert.equal(local[REQUESTS + index]!.code, code, JSON.stringify(request));
    }
  });

  it('refuses by name what only the service can plan', () => {
    for (const [index, change] of unplanned.entries()) {
      const { code, detail } = local[REQUESTS + IMPOSSIBLE.length + index]!;
      assert.equal(code, 'OPTION_NOT_PLANNED');
      assert.ok(detail!.startsWith(`${Object.keys(change)[0]} is planned by the service only`), detail);
    }
  });
});

/**
 * Deep equality with numbers compared to TOLERANCE: relative, but absolute for shares, which are differences
 * of much larger sums.
 */
function assertClose(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    assert.ok(
      Math.abs(actual - expected) <= TOLERANCE * Math.max(1, Math.abs(expected)),
      `${path}: ${actual}, not ${expected}`,
    );
  } else if (typeof expected === 'object' && expected !== null) {
    assert.deepEqual(Object.keys(Object(actual)), Object.keys(expected), path);
    for (const [key, value] of Object.entries(expected))
      assertClose((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
  } else {
    assert.equal(actual, expected, path);
  }
}
