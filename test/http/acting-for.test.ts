import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { NewKey, Scope } from '../../src/contract/key.ts';
import type { TenantRecord, UsageRecord } from '../../src/contract/tenant.ts';
import type { AuditEntry } from '../../src/http/plugins/audit.ts';
import { sweeperOf } from './adapter-routes.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const ADMIN = 'administrator-of-this-test-21';

describe('calls of an administrator for a tenant', () => {
  const entries: AuditEntry[] = [];
  let server: TestServer;
  let team: NewKey;
  let adapter: AdapterRecord;
  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN }, audit: (entry) => entries.push(entry) },
    );
    team = await keyOf('team');
    const uploaded = await server.fetch('/v1/adapters', {
      method: 'POST',
      headers: bearer(team.key),
      body: formOf(tinyAdapter()),
    });
    adapter = (await uploaded.json()) as AdapterRecord;
  });
  after(() => server.close());
  beforeEach(() => {
    entries.length = 0;
  });

  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const call = (
    method: string,
    path: string,
    { key = ADMIN, body = undefined as object | undefined, headers = {} } = {},
  ) =>
    server.fetch(path, {
      method,
      headers: { ...bearer(key), ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const json = async <T>(answer: Promise<Response>): Promise<T> => (await (await answer).json()) as T;
  const keyOf = async (tenant: string, scopes: Scope[] = ['read', 'write']) => {
    await call('PUT', `/v1/tenants/${tenant}`, { body: {} });
    return json<NewKey>(call('POST', '/v1/keys', { body: { tenant, scopes } }));
  };
  const squeeze = (rank: number) => ({
    ...{ kind: 'squeeze', adapter_id: adapter.id, targets: [{ rank }], reuse: false },
  });
  const ids = async (path: string, key = ADMIN) =>
    (await json<{ data: { id: string }[] }>(call('GET', path, { key }))).data.map(({ id }) => id);

  it('concern the records of that tenant, in lists and one by one', async () => {
    assert.deepEqual(await ids('/v1/adapters'), []);
    assert.deepEqual(await ids('/v1/adapters?tenant=team'), [adapter.id]);
    await problemIn(await call('GET', `/v1/adapters/${adapter.id}`), 404, 'ADAPTER_NOT_FOUND');
    assert.equal((await call('GET', `/v1/adapters/${adapter.id}?tenant=team`)).status, 200);
    const submitted = await call('POST', '/v1/jobs?tenant=team', { body: squeeze(2) });
    assert.equal(submitted.status, 202);
    const job = (await submitted.json()) as JobRecord;
    assert.deepEqual(await ids('/v1/jobs', team.key), [job.id]);
    assert.deepEqual(await ids('/v1/jobs?tenant=team&state=queued'), [job.id]);
    assert.equal((await call('POST', `/v1/jobs/${job.id}/cancel?tenant=team`)).status, 200);
    const seen = await json<JobRecord>(call('GET', `/v1/jobs/${job.id}`, { key: team.key }));
    assert.equal(seen.state, 'cancelled');
    // A job that has ended is answered from memory, but only to its own tenant.
    await problemIn(await call('GET', `/v1/jobs/${job.id}`), 404, 'JOB_NOT_FOUND');
    assert.equal((await call('GET', `/v1/jobs/${job.id}?tenant=team`)).status, 200);
    assert.equal((await call('DELETE', `/v1/jobs/${job.id}?tenant=team`)).status, 204);
    assert.deepEqual(await ids('/v1/jobs', team.key), []);
  });

  it('can go through the pages of its lists', async () => {
    for (const rank of [1, 2]) await call('POST', '/v1/jobs?tenant=team', { body: squeeze(rank) });
    const first = await call('GET', '/v1/jobs?tenant=team&limit=1');
    const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')![1]!;
    assert.equal((await ids(link)).length, 1);
    for (const id of await ids('/v1/jobs?tenant=team'))
      await call('POST', `/v1/jobs/${id}/cancel?tenant=team`);
  });

  it('require the scope admin, unless it is the tenant of the key', async () => {
    const other = await keyOf('other');
    const { context } = await problemIn(
      await call('GET', '/v1/adapters?tenant=team', { key: other.key }),
      403,
      'SCOPE_MISSING',
    );
    assert.deepEqual(context, { needed: 'admin', scopes: ['read', 'write'] });
    for (const [method, path] of [
      ['DELETE', `/v1/adapters/${adapter.id}?tenant=team`],
      ['GET', `/v1/adapters/${adapter.id}/files/adapter_config.json?tenant=team`],
      ['GET', '/v1/events?tenant=team'],
      ['GET', '/v1/usage?tenant=team'],
      ['POST', '/v1/webhooks/wh_1/test?tenant=team'],
      ['GET', '/v1/uploads?tenant=team'],
    ] as const)
      await problemIn(await call(method, path, { key: other.key }), 403, 'SCOPE_MISSING');
    assert.deepEqual(await ids('/v1/adapters?tenant=team', team.key), [adapter.id]);
    // Scopes are those of the key, whichever tenant it acts for: this one may administer, but not write.
    const reader = await keyOf('other', ['read', 'admin']);
    assert.deepEqual(await ids('/v1/adapters?tenant=team', reader.key), [adapter.id]);
    await problemIn(
      await call('POST', '/v1/jobs?tenant=team', { key: reader.key, body: squeeze(2) }),
      403,
      'SCOPE_MISSING',
    );
  });

  it('are refused for tenants that do not exist, and for texts that are not ids', async () => {
    await problemIn(await call('GET', '/v1/jobs?tenant=none'), 404, 'TENANT_NOT_FOUND');
    for (const query of ['tenant=No_Id', 'tenant=', 'tenant=team&tenant=other'])
      await problemIn(await call('GET', `/v1/jobs?${query}`), 400, 'VALIDATION_FAILED');
    assert.equal((await call('GET', '/v1/keys?tenant=team')).status, 200, 'keys have a filter of that name');
    await problemIn(await call('GET', '/v1/tenants?tenant=team'), 400, 'UNKNOWN_OPTION');
  });

  it('concern the keys of that tenant', async () => {
    const made = await json<NewKey>(call('POST', '/v1/keys?tenant=team', { body: { name: 'of the team' } }));
    assert.equal(made.tenant, 'team');
    const own = await json<NewKey>(call('POST', '/v1/keys', { body: { name: 'of the administrator' } }));
    assert.equal(own.tenant, 'default');
    assert.deepEqual(await ids('/v1/keys?tenant=team'), [team.id, made.id]);
    await problemIn(await call('DELETE', `/v1/keys/${own.id}?tenant=team`), 404, 'KEY_NOT_FOUND');
    for (const path of [`/v1/keys/${made.id}?tenant=team`, `/v1/keys/${own.id}`])
      assert.equal((await call('DELETE', path)).status, 204);
  });

  it('are in the audit log with both tenants, including reads', async () => {
    await call('GET', '/v1/adapters?tenant=team');
    await call('GET', '/v1/adapters');
    await call('POST', '/v1/jobs?tenant=team', { body: {} });
    await call('POST', '/v1/jobs', { key: team.key, body: {} });
    assert.deepEqual(
      entries.map(({ tenant, actingFor, action, status }) => [tenant, actingFor, action, status]),
      [
        ['default', 'team', 'listAdapters', 200],
        ['default', 'team', 'createJob', 400],
        ['team', undefined, 'createJob', 400],
      ],
    );
  });

  it('use the Idempotency-Keys of that tenant', async () => {
    const headers = { 'idempotency-key': 'once-for-the-team' };
    const [one, two] = [
      await json<JobRecord>(call('POST', '/v1/jobs?tenant=team', { body: squeeze(3), headers })),
      await json<JobRecord>(call('POST', '/v1/jobs?tenant=team', { body: squeeze(3), headers })),
    ];
    assert.equal(one.id, two.id);
    assert.deepEqual(await ids('/v1/jobs?tenant=team&state=queued'), [one.id]);
    const rows = await server.database.reader.selectFrom('idempotency').select('tenant').execute();
    assert.deepEqual(
      rows.map(({ tenant }) => tenant),
      ['team'],
    );
    await call('POST', `/v1/jobs/${one.id}/cancel?tenant=team`);
  });

  describe('calls for a suspended tenant', () => {
    const state = async (change: 'suspend' | 'resume', id = 'team') =>
      json<TenantRecord>(call('POST', `/v1/tenants/${id}/${change}`));

    it('create nothing, with any key, but may read, cancel and delete', async () => {
      const job = await json<JobRecord>(call('POST', '/v1/jobs', { key: team.key, body: squeeze(4) }));
      const suspended = await state('suspend');
      assert.equal(suspended.state, 'suspended');
      assert.ok(Math.abs(Date.parse(suspended.suspended_at!) - Date.now()) < 60_000);
      assert.deepEqual(await state('suspend'), suspended, 'again, it changes nothing');
      for (const [key, query] of [
        [team.key, ''],
        [ADMIN, '?tenant=team'],
      ] as const) {
        const refused = await call('POST', `/v1/jobs${query}`, { key, body: squeeze(2) });
        assert.deepEqual((await problemIn(refused, 403, 'TENANT_SUSPENDED')).context, { tenant: 'team' });
        const patch = await call('PATCH', `/v1/jobs/${job.id}${query}`, { key, body: { name: 'x' } });
        await problemIn(patch, 403, 'TENANT_SUSPENDED');
        const upload = await server.fetch(`/v1/adapters${query}`, {
          method: 'POST',
          headers: bearer(key),
          body: formOf(tinyAdapter(7)),
        });
        await problemIn(upload, 403, 'TENANT_SUSPENDED');
        assert.equal((await call('GET', `/v1/jobs/${job.id}${query}`, { key })).status, 200);
      }
      const file = `/v1/adapters/${adapter.id}/files/adapter_config.json`;
      assert.equal((await call('GET', file, { key: team.key })).status, 200);
      assert.equal((await call('POST', `/v1/jobs/${job.id}/cancel`, { key: team.key })).status, 200);
      assert.equal((await call('DELETE', `/v1/jobs/${job.id}`, { key: team.key })).status, 204);
      const listed = await json<{ data: TenantRecord[] }>(call('GET', '/v1/tenants'));
      assert.deepEqual(
        listed.data.map(({ id, state }) => [id, state]),
        [
          ['default', 'active'],
          ['other', 'active'],
          ['team', 'suspended'],
        ],
      );
      await call('PUT', '/v1/tenants/team', { body: { weight: 7 } });
      assert.equal((await json<TenantRecord>(call('GET', '/v1/tenants/team'))).state, 'suspended');
    });

    it('work as before when it is resumed', async () => {
      const { state: resumed, suspended_at } = await state('resume');
      assert.deepEqual([resumed, suspended_at], ['active', null]);
      const submitted = await call('POST', '/v1/jobs', { key: team.key, body: squeeze(2) });
      assert.equal(submitted.status, 202);
    });

    it('may concern the tenant of the administrators, who can still administer', async () => {
      await state('suspend', 'default');
      await problemIn(await call('POST', '/v1/jobs', { body: squeeze(2) }), 403, 'TENANT_SUSPENDED');
      assert.equal((await state('resume', 'default')).state, 'active');
    });

    it('require an existing tenant, and the scope admin', async () => {
      await problemIn(await call('POST', '/v1/tenants/none/suspend'), 404, 'TENANT_NOT_FOUND');
      await problemIn(
        await call('POST', '/v1/tenants/team/suspend', { key: team.key }),
        403,
        'SCOPE_MISSING',
      );
    });
  });
});

describe('if no key is required', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('everything belongs to one tenant, and no caller can act for another', async () => {
    await server.workspaces.tenants.put('team', {});
    await problemIn(await server.fetch('/v1/jobs?tenant=team'), 404, 'TENANT_NOT_FOUND');
    assert.equal((await server.fetch('/v1/jobs?tenant=default')).status, 200);
  });
});

describe('calls of an administrator about a whole tenant', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({}, { auth: { mode: 'keys', adminKey: () => ADMIN } });
  });
  after(() => server.close());

  const call = (method: string, path: string, key = ADMIN, body?: object) =>
    server.fetch(path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const teamWithJobs = async (tenant: string, count: number): Promise<NewKey> => {
    await call('PUT', `/v1/tenants/${tenant}`, ADMIN, {});
    const key = (await (await call('POST', '/v1/keys', ADMIN, { tenant })).json()) as NewKey;
    const uploaded = await server.fetch('/v1/adapters', {
      method: 'POST',
      headers: { authorization: `Bearer ${key.key}` },
      body: formOf(tinyAdapter(1)),
    });
    const { id: adapter_id } = (await uploaded.json()) as AdapterRecord;
    const jobs = Array.from({ length: count }, (_, rank) => ({
      ...{ kind: 'squeeze', adapter_id, targets: [{ rank: rank + 1 }] },
    }));
    assert.equal((await call('POST', '/v1/batches', key.key, { jobs })).status, 202);
    return key;
  };

  it('cancel all its waiting work', async () => {
    const { key } = await teamWithJobs('noisy', 3);
    const cancelled = await call('POST', '/v1/tenants/noisy/cancel');
    assert.equal(cancelled.status, 200);
    assert.equal(((await cancelled.json()) as { batches: number }).batches, 1);
    const listed = (await (await call('GET', '/v1/batches', key)).json()) as { data: { state: string }[] };
    assert.deepEqual(
      listed.data.map(({ state }) => state),
      ['cancelled'],
    );
    await problemIn(await call('POST', '/v1/tenants/noisy/cancel', key), 403, 'SCOPE_MISSING');
    await problemIn(await call('POST', '/v1/tenants/none/cancel'), 404, 'TENANT_NOT_FOUND');
  });

  it('delete it: its keys are refused from then on, and it is gone after a sweep', async () => {
    const { key } = await teamWithJobs('leaver', 3);
    await problemIn(await call('DELETE', '/v1/tenants/leaver', key), 403, 'SCOPE_MISSING');
    const deleted = await call('DELETE', '/v1/tenants/leaver');
    assert.equal(deleted.status, 202);
    assert.equal(((await deleted.json()) as TenantRecord).state, 'deleting');
    for (const [method, path] of [
      ['GET', '/v1/jobs'],
      ['DELETE', '/v1/jobs/job_1'],
      ['POST', '/v1/jobs/job_1/cancel'],
    ] as const)
      await problemIn(await call(method, path, key), 401, 'KEY_INVALID');
    await problemIn(await call('GET', '/v1/jobs?tenant=leaver'), 404, 'TENANT_NOT_FOUND');
    await problemIn(await call('PUT', '/v1/tenants/leaver', ADMIN, {}), 409, 'TENANT_DELETING');
    await problemIn(await call('POST', '/v1/keys', ADMIN, { tenant: 'leaver' }), 409, 'TENANT_DELETING');
    const seen = (await (await call('GET', '/v1/tenants/leaver')).json()) as TenantRecord & {
      usage: UsageRecord;
    };
    assert.deepEqual([seen.state, seen.usage.queue.queued], ['deleting', 0]);
    await sweeperOf(server).sweep(Date.now() + 60_000);
    await problemIn(await call('GET', '/v1/tenants/leaver'), 404, 'TENANT_NOT_FOUND');
    await problemIn(await call('DELETE', '/v1/tenants/default'), 409, 'TENANT_NOT_DELETABLE');
  });
});
