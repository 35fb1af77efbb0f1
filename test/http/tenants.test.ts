import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TenantRecord, TenantSummary, UsageRecord } from '../../src/contract/tenant.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const ADMIN_KEY = 'administrator-of-this-test-45';
const ADMIN = { authorization: `Bearer ${ADMIN_KEY}` };

describe('tenants over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({}, { auth: { mode: 'keys', adminKey: () => ADMIN_KEY } });
  });
  after(() => server.close());

  const put = (id: string, body: unknown) =>
    server.fetch(`/v1/tenants/${id}`, {
      method: 'PUT',
      headers: { ...ADMIN, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('are created and changed by the same call', async () => {
    const made = await put('team', { quotas: { max_queued: 2, stored_bytes: null } });
    assert.equal(made.status, 200);
    const record = (await made.json()) as TenantRecord;
    assert.deepEqual([record.id, record.quotas], ['team', { max_queued: 2, stored_bytes: null }]);
    const changed = (await (await put('team', {})).json()) as TenantRecord;
    assert.deepEqual(changed, { ...record, quotas: {} });
    const got = (await (await server.fetch('/v1/tenants/team', { headers: ADMIN })).json()) as TenantRecord;
    assert.deepEqual([got.id, got.quotas, got.created_at], ['team', {}, record.created_at]);
    const { data: tenants } = (await (await server.fetch('/v1/tenants', { headers: ADMIN })).json()) as {
      data: TenantRecord[];
    };
    assert.deepEqual(
      tenants.map(({ id }) => id),
      ['default', 'team'],
    );
  });

  it('are refused if the request is wrong', async () => {
    for (const quotas of [{ max_queued: -1 }, { stored_bytes: 1.5 }, { requests_per_minute: '5' }])
      await problemIn(await put('team', { quotas }), 400, 'VALIDATION_FAILED');
    await problemIn(await put('team', { quotas: { jobs: 1 } }), 400, 'UNKNOWN_OPTION');
    for (const id of ['Team', 'a_b', '-a', 'x'.repeat(41)])
      await problemIn(await put(id, {}), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/tenants/none', { headers: ADMIN }), 404, 'TENANT_NOT_FOUND');
  });

  it('apply new quotas at once, in the process that received them', async () => {
    const space = server.workspaces.of('at-once');
    await put('at-once', { quotas: { max_queued: 1 } });
    assert.equal((await space.limits()).max_queued, 1);
    await put('at-once', { quotas: { max_queued: 7 } });
    assert.equal((await space.limits()).max_queued, 7);
  });

  it('are listed page by page, with their numbers of records', async () => {
    for (const id of ['list-a', 'list-b', 'list-c']) await put(id, {});
    const seen: string[] = [];
    for (let path: string | undefined = '/v1/tenants?limit=2'; path !== undefined; ) {
      const answer = await server.fetch(path, { headers: ADMIN });
      const { data } = (await answer.json()) as { data: TenantSummary[] };
      seen.push(...data.map(({ id }) => id));
      assert.ok(
        data.length <= 2 &&
          data.every(({ queued, running, stored_bytes }) => queued + running + stored_bytes === 0),
      );
      path = /^<([^>]+)>/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    assert.deepEqual(seen, [...seen].sort());
    for (const id of ['default', 'list-a', 'list-b', 'list-c']) assert.ok(seen.includes(id), id);
    for (const query of ['cursor=nonsense', 'limit=0', 'limit=x'])
      await problemIn(
        await server.fetch(`/v1/tenants?${query}`, { headers: ADMIN }),
        400,
        'VALIDATION_FAILED',
      );
  });

  it('report their usage for the requested days', async () => {
    const usage = (query = '') => server.fetch(`/v1/usage${query}`, { headers: ADMIN });
    const body = (await (await usage('?days=400')).json()) as UsageRecord;
    assert.deepEqual([body.jobs, body.days, body.limits.weight], [0, [], 100]);
    for (const query of ['?days=0', '?days=401', '?days=x'])
      await problemIn(await usage(query), 400, 'VALIDATION_FAILED');
    await put('in-use', { weight: 7, quotas: { max_running: 3 } });
    const of = (await (await usage('?tenant=in-use')).json()) as UsageRecord;
    assert.deepEqual([of.limits.weight, of.limits.max_running], [7, 3]);
    const shown = await server.fetch('/v1/tenants/in-use', { headers: ADMIN });
    assert.deepEqual(((await shown.json()) as { usage: UsageRecord }).usage, of);
  });
});
