import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { JobRecord } from '../../src/contract/job.ts';
import { RunRecord } from '../../src/contract/run.ts';
import type { Schedule } from '../../src/contract/schedule.ts';
import { addWorker } from '../dispatch/fleet.ts';
import { problemIn } from './server.ts';
import { serverWithAdapter } from './server-with-adapter.ts';

describe('a dry run of a job', () => {
  const context = serverWithAdapter();

  const ask = (request: object, headers: Record<string, string> = {}) =>
    context().post('/v1/jobs', { ...request, dry_run: true }, headers);
  const forecastOf = async (request: object): Promise<NonNullable<JobRecord['forecast']>> => {
    const response = await ask(request);
    assert.equal(response.status, 200, await response.clone().text());
    const job = (await response.json()) as JobRecord;
    assert.ok(Value.Check(JobRecord, job), 'fits the contract');
    return job.forecast!;
  };
  /** Everything that a request could leave behind. */
  const traces = async (): Promise<Record<string, number>> => {
    const { database } = context().server;
    const counts: Record<string, number> = {};
    for (const table of [
      'job',
      'execution',
      'event',
      'delivery',
      'idempotency',
      'content',
      'adapter',
    ] as const) {
      const { count } = await database.reader
        .selectFrom(table as 'job')
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      counts[table] = Number(count);
    }
    return counts;
  };

  it('answers with the job that would be created, and leaves nothing behind', async () => {
    const { server, squeeze } = context();
    const before = await traces();
    const usage = await (await server.fetch('/v1/usage')).json();
    const response = await ask({ ...squeeze(), labels: { team: 'search' }, priority: 'low' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('location'), null);
    const job = (await response.json()) as JobRecord;
    assert.ok(Value.Check(JobRecord, job), 'fits the contract');
    assert.deepEqual(
      [job.id, job.kind, job.state, job.labels, job.priority],
      ['dry_run', 'squeeze', 'queued', { team: 'search' }, 'low'],
    );
    assert.ok(!('dry_run' in job.request) && !('reuse' in job.request));
    const [target] = job.forecast!.targets;
    assert.deepEqual(target!.rank, { min: 2, max: 2 });
    assert.ok(target!.bytes! > 0 && target!.parameters! > 0);
    assert.deepEqual([target!.basis, target!.relative_error, target!.error], ['shapes', null, null]);
    await problemIn(await server.fetch('/v1/jobs/dry_run'), 404, 'JOB_NOT_FOUND');
    assert.deepEqual(await traces(), before);
    assert.deepEqual(await (await server.fetch('/v1/usage')).json(), usage);
  });

  it('refuses what the request itself would be refused for, in the same way', async () => {
    const { post, adapterId } = context();
    const refused: [request: object, status: number, code: string][] = [
      [{ kind: 'squeeze', adapter_id: 'ad_none', targets: [{ rank: 2 }] }, 404, 'ADAPTER_NOT_FOUND'],
      [{ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 0 }] }, 400, 'VALIDATION_FAILED'],
      [{ kind: 'squeeze', adapter_id: adapterId, targets: [{ profile: 'none' }] }, 400, 'UNKNOWN_PROFILE'],
      [
        { kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 2, format: 'xlabs' }] },
        400,
        'VALIDATION_FAILED',
      ],
      [
        {
          kind: 'import',
          source: {
            kind: 'url',
            files: { 'adapter_model.safetensors': { url: 'https://10.0.0.1/a.safetensors' } },
          },
        },
        422,
        'OUTBOUND_FORBIDDEN',
      ],
    ];
    for (const [request, status, code] of refused) {
      const { instance: _one, ...dry } = await problemIn(await ask(request), status, code);
      const { instance: _other, ...real } = await problemIn(await post('/v1/jobs', request), status, code);
      assert.deepEqual(dry, real);
    }
  });

  it('is refused if there is no room for the job', async () => {
    const { server, squeeze } = context();
    await server.limit({ max_queued: 0 });
    await problemIn(await ask(squeeze()), 422, 'QUOTA_TOO_SMALL');
    await server.limit({ max_queued: null });
  });

  it('leaves an Idempotency-Key unused for the real request', async () => {
    const { post, squeeze } = context();
    const key = { 'idempotency-key': '"asked-first"' };
    assert.equal((await ask(squeeze(), key)).status, 200);
    assert.equal((await ask(squeeze(), key)).headers.get('idempotent-replayed'), null);
    assert.equal((await post('/v1/jobs', squeeze(), key)).status, 202);
  });

  it('recognises equal work, and shows its outcome', async () => {
    const { server, post, adapterId } = context();
    const request = { kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 1 }] };
    assert.equal((await forecastOf(request)).reused, false);
    const { id } = (await (await post('/v1/jobs', request)).json()) as JobRecord;
    assert.equal((await forecastOf(request)).reused, true, 'under way');
    assert.equal((await forecastOf({ ...request, reuse: false })).reused, false);
    assert.equal((await forecastOf({ ...request, targets: [{ rank: 1, split: 'a' }] })).reused, false);
    await server.worker.succeed(id);
    const done = await forecastOf(request);
    assert.deepEqual([done.reused, done.starts_in_seconds, done.seconds], [true, 0, 0]);
  });

  it('estimates start and duration, once there are workers', async () => {
    const { server, squeeze, adapterId } = context();
    const none = await forecastOf(squeeze());
    assert.deepEqual([none.starts_in_seconds, none.seconds], [null, null]);
    await addWorker(server.database, 1, { msPerMib: 5_000 });
    const { starts_in_seconds, seconds } = await forecastOf(squeeze());
    assert.ok(starts_in_seconds! >= 0 && seconds! >= 5 && seconds! < 6, `${starts_in_seconds} ${seconds}`);
    const moved = { kind: 'export', adapter_id: adapterId, to: { kind: 'hub', repo: 'o/r', token: 'hf_1' } };
    assert.deepEqual((await forecastOf(moved)).seconds, null, 'nothing is computed');
  });

  it('states no facts about an adapter that is yet to be fetched, and keeps secrets', async () => {
    const source = { kind: 'hub', repo: 'owner/name', token: 'hf_secret' };
    const response = await ask({ kind: 'squeeze', source, targets: [{ rank: 2 }, { energy: 0.9 }] });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.ok(!text.includes('hf_secret') && !text.includes('encrypted'));
    const { forecast } = JSON.parse(text) as JobRecord;
    assert.equal(forecast!.seconds, null);
    for (const { rank, bytes, basis, warnings } of forecast!.targets) {
      assert.deepEqual([rank, bytes, basis], [null, null, null]);
      assert.match(warnings[0]!, /yet to be fetched/);
    }
  });

  it('is not a field of one job in a list', async () => {
    const { post, squeeze } = context();
    const response = await post('/v1/batches', { jobs: [{ ...squeeze(), dry_run: true }] });
    const { errors } = await problemIn(response, 422, 'BATCH_INVALID');
    assert.equal(errors![0]!.pointer, '/jobs/0/dry_run');
  });
});

describe('a dry run of an annealing run', () => {
  const context = serverWithAdapter();

  const schedule = {
    source_rank: 64,
    target_rank: 4,
    total_steps: 4000,
    modules: [{ out_features: 4096, in_features: 4096, count: 128 }],
  };

  it('answers with the run that would be created and its schedule, and creates none', async () => {
    const { server, post } = context();
    const response = await post('/v1/runs', { schedule, name: 'asked', dry_run: true });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('location'), null);
    const run = (await response.json()) as RunRecord;
    assert.ok(Value.Check(RunRecord, run), 'fits the contract');
    const planned = (await (await post('/v1/schedules', schedule)).json()) as Schedule;
    assert.deepEqual([run.id, run.schedule, run.checkpoints], ['dry_run', planned, []]);
    assert.deepEqual(run.request, { schedule, name: 'asked' });
    assert.equal(run.next_checkpoint_step, planned.squeezes[0]!.step);
    const { data } = (await (await server.fetch('/v1/runs')).json()) as { data: unknown[] };
    assert.deepEqual(data, []);
    await problemIn(await server.fetch('/v1/runs/dry_run'), 404, 'RUN_NOT_FOUND');
    const real = await post('/v1/runs', { schedule, name: 'asked', dry_run: false });
    const { id: _id, created_at: _at, ...begun } = (await real.json()) as RunRecord;
    const { id: _dry, created_at: _then, ...asked } = run;
    assert.deepEqual(asked, begun);
  });

  it('refuses what a run would be refused for', async () => {
    const { post } = context();
    const request = { schedule: { ...schedule, target_rank: 128 } };
    const dry = await problemIn(
      await post('/v1/runs', { ...request, dry_run: true }),
      422,
      'SCHEDULE_INVALID',
    );
    const real = await problemIn(await post('/v1/runs', request), 422, 'SCHEDULE_INVALID');
    assert.equal(dry.detail, real.detail);
  });
});
