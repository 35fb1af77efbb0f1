import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { Schedule, type ScheduleRequest } from '../../src/contract/schedule.ts';
import type { Problem } from '../../src/http/problem.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';
import fc from '../fast-check.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';

const REQUEST = { source_rank: 64, target_rank: 1, total_steps: 2400 };

describe('schedules over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const post = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    server.fetch('/v1/schedules', {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const schedule = async (request: unknown): Promise<Schedule> => {
    const response = await post(request);
    assert.equal(response.status, 200, await response.clone().text());
    assert.match(response.headers.get('content-type')!, /^application\/json/);
    const made = (await response.json()) as Schedule;
    assert.ok(Value.Check(Schedule, made), 'fits the contract');
    return made;
  };

  it('are planned from three numbers', async () => {
    const { stages, squeezes } = await schedule(REQUEST);
    assert.deepEqual(
      stages.map(({ rank }) => rank),
      [64, 32, 16, 8, 4, 2, 1],
    );
    assert.deepEqual(squeezes[0], { step: 200, from_rank: 64, to_rank: 32 });
    assert.equal(stages[0]!.memory, null);
  });

  it('are planned with every option', async () => {
    const request: ScheduleRequest = {
      ...REQUEST,
      warm_up_steps: 500,
      final_steps: 300,
      min_stage_steps: 100,
      shape: 'cosine',
      stages: 4,
      stage_lengths: 'rank_proportional',
      modules: [
        { out_features: 4096, in_features: 4096, count: 64 },
        { out_features: 10, in_features: 20 },
      ],
      dtype: 'bfloat16',
      optimizer: 'adam_8bit',
    };
    assert.deepEqual(await schedule(request), planSchedule(request));
    const custom: ScheduleRequest = { ...REQUEST, shape: 'custom', ranks: [64, 8, 1] };
    assert.deepEqual(await schedule(custom), planSchedule(custom));
  });

  it('leave no record and have no location: each request is answered again', async () => {
    const first = await post(REQUEST);
    const second = await post(REQUEST);
    assert.equal(first.headers.get('location'), null);
    assert.deepEqual(await first.json(), await second.json());
  });

  it('accept as many modules as the contract allows', async () => {
    const widest = { out_features: 2 ** 31, in_features: 2 ** 31, count: 1 };
    const modules = Array.from({ length: 4096 }, () => widest);
    const { stages } = await schedule({ source_rank: 1, target_rank: 1, total_steps: 200, modules });
    assert.equal(stages[0]!.parameters, 4096 * 2 ** 32);
    await problemIn(await post({ ...REQUEST, modules: [...modules, widest] }), 400, 'VALIDATION_FAILED');
    await problemIn(await post(`{"x": "${'x'.repeat(512 * 1024)}"}`), 413, 'UPLOAD_TOO_LARGE');
  });

  it('are refused in words if they do not fit the schema', async () => {
    const cases: readonly (readonly [object, string, RegExp])[] = [
      [{ source_rank: 64, target_rank: 1 }, 'VALIDATION_FAILED', /must have "total_steps"/],
      [{ ...REQUEST, source_rank: 0 }, 'VALIDATION_FAILED', /^source_rank is 0 but must be at least 1/],
      [{ ...REQUEST, total_steps: 1.5 }, 'VALIDATION_FAILED', /^total_steps is 1.5 but must be an integer/],
      [
        { ...REQUEST, total_steps: '2000' },
        'VALIDATION_FAILED',
        /^total_steps is "2000" but must be an integer/,
      ],
      [
        { ...REQUEST, shape: 'step' },
        'VALIDATION_FAILED',
        /^shape is "step" but must be "geometric" or "linear" or/,
      ],
      [{ ...REQUEST, stages: 65 }, 'VALIDATION_FAILED', /^stages is 65 but must be at most 64/],
      [{ ...REQUEST, ranks: [] }, 'VALIDATION_FAILED', /^ranks must have at least 1/],
      [
        { ...REQUEST, modules: [{ out_features: 8, in_features: 0 }] },
        'VALIDATION_FAILED',
        /^modules\[0\]\.in_features is 0/,
      ],
      [
        { ...REQUEST, warmup_steps: 100 },
        'UNKNOWN_OPTION',
        /no option "warmup_steps"; the options are .*warm_up_steps/,
      ],
    ];
    for (const [request, code, detail] of cases) {
      const problem = await problemIn(await post(request), 400, code);
      assert.match(problem.detail, detail);
      assert.ok(problem.errors!.length > 0);
    }
    await problemIn(await post('{'), 400, 'REQUEST_JSON');
    await problemIn(await post('[]'), 400, 'VALIDATION_FAILED');
    await problemIn(await post(REQUEST, { 'content-type': 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('are refused by name if they contradict themselves', async () => {
    const rising = await problemIn(
      await post({ ...REQUEST, source_rank: 1, target_rank: 2 }),
      422,
      'SCHEDULE_INVALID',
    );
    assert.match(rising.detail, /source_rank \(1\) is below target_rank \(2\)/);
    const request = { ...REQUEST, shape: 'custom', ranks: [64, 8, 8, 1] };
    const repeated = await problemIn(await post(request), 422, 'SCHEDULE_INVALID');
    assert.match(repeated.detail, /ranks\[2\] is 8 but must be below/);
    const huge = { out_features: 2 ** 31, in_features: 2 ** 31, count: 1e6 };
    await problemIn(await post({ ...REQUEST, modules: [huge] }), 422, 'SCHEDULE_INVALID');
  });

  it('are refused with the numbers if the steps do not suffice', async () => {
    const problem = await problemIn(await post({ ...REQUEST, total_steps: 399 }), 422, 'SCHEDULE_TOO_SHORT');
    assert.match(problem.detail, /2 stages need 400 steps .*total_steps is 399/);
    assert.equal(problem.context!.needed_steps, 400);
    assert.equal(problem.context!.total_steps, 399);
  });

  it('are planned by POST only', async () => {
    const problem = await problemIn(await server.fetch('/v1/schedules'), 405, 'METHOD_NOT_ALLOWED');
    assert.match(problem.detail, /POST/);
  });

  it('are planned, or refused as an error of the client, whatever is sent', async () => {
    const rank = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer(), fc.jsonValue());
    const steps = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer(), fc.jsonValue());
    const request = fc.record(
      {
        source_rank: rank,
        target_rank: rank,
        total_steps: steps,
        warm_up_steps: steps,
        final_steps: steps,
        min_stage_steps: steps,
        shape: fc.oneof(fc.constantFrom('geometric', 'linear', 'cosine', 'custom'), fc.jsonValue()),
        ranks: fc.oneof(fc.array(fc.integer({ min: 0, max: 70 })), fc.jsonValue()),
        stages: rank,
        stage_lengths: fc.oneof(fc.constantFrom('equal', 'rank_proportional'), fc.jsonValue()),
        modules: fc.jsonValue(),
      },
      { requiredKeys: ['source_rank', 'target_rank', 'total_steps'] },
    );
    await fc.assert(
      fc.asyncProperty(request, async (body) => {
        const response = await post(body);
        const answer: unknown = await response.json();
        if (response.status === 200) return assert.ok(Value.Check(Schedule, answer));
        assert.ok(response.status === 400 || response.status === 422, JSON.stringify(answer));
        checkedProblem(answer as Problem, response.status, (answer as Problem).code);
      }),
      { numRuns: 300 },
    );
  });

  it('are in the contract, with an example that gives the documented response', async () => {
    const { paths, components } = (await (await server.fetch('/docs/json')).json()) as {
      paths: Record<string, Record<string, { operationId: string; tags: string[] }>>;
      components: { schemas: Record<string, { examples?: unknown[] }> };
    };
    const operation = paths['/v1/schedules']!.post!;
    assert.equal(operation.operationId, 'planSchedule');
    assert.deepEqual(operation.tags, ['annealing']);
    const [request] = components.schemas.ScheduleRequest!.examples!;
    assert.deepEqual([await schedule(request)], components.schemas.Schedule!.examples);
  });
});
