import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { TenantRequest } from '../../src/contract/tenant.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('priorities of jobs', () => {
  let server: TestServer;
  let adapterId: string;
  beforeEach(async () => {
    server = await startServer();
    adapterId = (await server.upload()).id;
  });
  afterEach(() => server.close());

  const post = (path: string, body: unknown, type = 'application/json') =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': type },
      body: type === 'application/json' ? JSON.stringify(body) : String(body),
    });
  const job = (fields: object) => ({
    ...{ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 2 }], reuse: false },
    ...fields,
  });
  const recordOf = async (response: Response) => (await response.json()) as JobRecord;
  async function allow(max_priority: NonNullable<TenantRequest['max_priority']>): Promise<void> {
    await server.workspaces.tenants.put('default', { max_priority });
    server.workspaces.limits.forget('default');
  }
  async function refused(response: Response, priority: string, max_priority: string): Promise<void> {
    const { context, detail } = await problemIn(response, 403, 'PRIORITY_TOO_HIGH');
    assert.deepEqual(context, { priority, max_priority });
    assert.match(detail, new RegExp(`"${priority}".*"${max_priority}"`));
  }

  it('can be any, and are normal by default', async () => {
    assert.equal((await recordOf(await post('/v1/jobs', job({})))).priority, 'normal');
    assert.equal((await recordOf(await post('/v1/jobs', job({ priority: 'high' })))).priority, 'high');
  });

  it('are not higher than that of the tenant, however a job is created', async () => {
    await allow('low');
    assert.equal((await recordOf(await post('/v1/jobs', job({})))).priority, 'low', 'it is the default');
    for (const dry_run of [false, true])
      await refused(await post('/v1/jobs', job({ priority: 'normal', dry_run })), 'normal', 'low');

    const form = formOf(tinyAdapter(43));
    form.append('request', JSON.stringify({ targets: [{ rank: 2 }], priority: 'high' }));
    await refused(await server.fetch('/v1/squeeze', { method: 'POST', body: form }), 'high', 'low');

    const jobs = [job({}), job({ priority: 'high' })];
    await refused(await post('/v1/batches', { jobs }), 'high', 'low');
    await refused(await post('/v1/batches', { jobs: [job({})], priority: 'normal' }), 'normal', 'low');
    await refused(await post('/v1/batches', { jobs, dry_run: true }), 'high', 'low');
    const lines = jobs.map((line) => `${JSON.stringify(line)}\n`).join('');
    await refused(await post('/v1/batches/ndjson', lines, 'application/x-ndjson'), 'high', 'low');
    const page = (await (await server.fetch('/v1/batches')).json()) as { data: unknown[] };
    assert.deepEqual(page.data, [], 'nothing of them is there');
    assert.equal((await post('/v1/batches', { jobs: [job({})] })).status, 202);
  });

  it('are kept by a retry', async () => {
    const { id } = await recordOf(await post('/v1/jobs', job({ priority: 'high' })));
    const batch = (await (await post('/v1/batches', { jobs: [job({ priority: 'high' })] })).json()) as {
      id: string;
    };
    await post(`/v1/jobs/${id}/cancel`, undefined);
    await post(`/v1/batches/${batch.id}/cancel`, undefined);
    await server.workspaces.of('default').batches.settled();
    await allow('normal');
    await refused(await post(`/v1/jobs/${id}/retry`, undefined), 'high', 'normal');
    await refused(await post(`/v1/batches/${batch.id}/retry`, undefined), 'high', 'normal');
    await allow('high');
    assert.equal((await recordOf(await post(`/v1/jobs/${id}/retry`, undefined))).priority, 'high');
  });

  it('are the highest of the tenant for a checkpoint, if normal is higher', async () => {
    await allow('low');
    const schedule = { source_rank: 8, target_rank: 4, total_steps: 4000 };
    const { id } = (await (await post('/v1/runs', { schedule })).json()) as { id: string };
    const checkpoint = formOf(tinyAdapter(42, { rank: 8 }));
    checkpoint.append('step', '4000');
    const sent = await server.fetch(`/v1/runs/${id}/checkpoints`, { method: 'POST', body: checkpoint });
    const { job_id } = (await sent.json()) as { job_id: string };
    assert.equal((await recordOf(await server.fetch(`/v1/jobs/${job_id}`))).priority, 'low');
  });
});
