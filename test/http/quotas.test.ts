import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { checkQueuedJobs, submitWithinQueueLimit } from '../../src/resources/jobs/queued-jobs.ts';
import { NO_TENANT_LIMITS } from '../../src/resources/tenants/limits.ts';
import { jobsOf } from '../resources/tenants/stored-by.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('unfinished jobs', () => {
  let server: TestServer;
  let adapterId: string;
  beforeEach(async () => {
    server = await startServer();
    adapterId = (await server.upload()).id;
  });
  afterEach(() => server.close());

  const limit = (max_queued: number | null) => server.limit({ max_queued });
  const submit = () =>
    server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        kind: 'squeeze',
        adapter_id: adapterId,
        targets: [{ rank: 2 }],
        reuse: false,
      }),
    });
  const jobCount = () => jobsOf(server.workspaces.of('default'));

  it('are limited for each tenant, and one more is accepted when one has ended', async () => {
    await limit(2);
    const ids: string[] = [];
    for (let times = 0; times < 2; times++) ids.push(((await (await submit()).json()) as JobRecord).id);
    const refused = await submit();
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    const { context, detail } = await problemIn(refused, 429, 'QUOTA_QUEUED_JOBS');
    assert.deepEqual(context, { used: 2, wanted: 1, limit: 2 });
    assert.match(detail, /2 unfinished jobs, and the limit is 2/);
    assert.equal(await jobCount(), 2);

    await server.worker.succeed(ids[0]!);
    assert.equal((await submit()).status, 202);
    await problemIn(await submit(), 429, 'QUOTA_QUEUED_JOBS');
    await limit(null);
    assert.equal((await submit()).status, 202);
  });

  it('do not exceed the limit when many are submitted at once', async () => {
    await limit(5);
    const statuses = (await Promise.all(Array.from({ length: 30 }, submit))).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 202).length, 5);
    assert.equal(statuses.filter((status) => status === 429).length, 25);
    assert.equal(await jobCount(), 5);
  });

  it('are counted before an upload is accepted', async () => {
    await limit(0);
    const form = formOf(tinyAdapter(41));
    form.append('request', JSON.stringify({ targets: [{ rank: 2 }] }));
    const before = await server.store.list('adapters/');
    const refused = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
    await problemIn(refused, 422, 'QUOTA_TOO_SMALL');
    assert.deepEqual(await server.store.list('adapters/'), before);
    const run = await server.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ schedule: { source_rank: 8, target_rank: 4, total_steps: 4000 } }),
    });
    const { id } = (await run.json()) as { id: string };
    const checkpoint = formOf(tinyAdapter(42, { rank: 8 }));
    checkpoint.append('step', '100');
    await problemIn(
      await server.fetch(`/v1/runs/${id}/checkpoints`, { method: 'POST', body: checkpoint }),
      422,
      'QUOTA_TOO_SMALL',
    );
    assert.equal(
      (await server.upload(tinyAdapter(43))).id.slice(0, 3),
      'ad_',
      'an upload alone makes no job',
    );
  });

  it('are counted together if submitted together', async () => {
    await limit(3);
    const space = server.workspaces.of('default');
    await submit();
    await checkQueuedJobs(space, 2);
    await assert.rejects(checkQueuedJobs(space, 3), {
      code: 'QUOTA_QUEUED_JOBS',
      context: { used: 1, wanted: 3, limit: 3 },
    });
    await assert.rejects(checkQueuedJobs(space, 4), { code: 'QUOTA_TOO_SMALL' });
  });

  it('are refused permanently, without a time to retry, if there can never be room for them', async () => {
    await limit(2);
    const { id: adapter_id } = await server.upload();
    const jobs = [1, 2, 3].map((rank) => ({ kind: 'squeeze', adapter_id, targets: [{ rank }] }));
    const batch = (count: number) =>
      server.fetch('/v1/batches', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jobs: jobs.slice(0, count) }),
      });
    const refused = await batch(3);
    assert.equal(refused.headers.get('retry-after'), null);
    const { context, detail } = await problemIn(refused, 422, 'QUOTA_TOO_SMALL');
    assert.deepEqual(context, { wanted: 3, limit: 2 });
    assert.match(
      detail,
      /room for 3 jobs, but the limit of the tenant is 2 unfinished jobs; send them in several requests/,
    );
    assert.equal((await batch(2)).status, 202);
  });

  it('do not wait if an upload fails', async () => {
    await limit(3);
    const space = server.workspaces.of('default');
    const fails = () => Promise.reject(new Error('no'));
    await assert.rejects(submitWithinQueueLimit(space, 1, fails), /no/);
    assert.equal(await submitWithinQueueLimit(space, 1, async () => 'done'), 'done');
  });

  it('are not counted if there is no limit', async () => {
    const limits = async () => NO_TENANT_LIMITS;
    const jobStore = {
      unfinished: () => {
        throw new Error('asked');
      },
    };
    const space = { tenant: 'x', limits, jobStore, checkQueueAge: async () => {} };
    await checkQueuedJobs(space, 1_000);
    assert.equal(await submitWithinQueueLimit(space, 9, async () => 1), 1);
  });
});
