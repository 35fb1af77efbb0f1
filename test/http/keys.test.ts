import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KeyRecord, NewKey } from '../../src/contract/key.ts';
import { newKey } from '../../src/resources/keys/key-text.ts';
import { KeyService } from '../../src/resources/keys/service.ts';
import { until } from '../queue/harness.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const ADMIN = { authorization: 'Bearer administrator-of-this-test-42' };

describe('keys over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN.authorization.slice('Bearer '.length) } },
    );
  });
  after(() => server.close());

  const create = (body: unknown) =>
    server.fetch('/v1/keys', {
      method: 'POST',
      headers: { ...ADMIN, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const madeFor = async (tenant: string, more: object = {}): Promise<NewKey> => {
    await server.workspaces.tenants.put(tenant, {});
    return made({ tenant, ...more });
  };
  const made = async (body: unknown): Promise<NewKey> => {
    const response = await create(body);
    assert.equal(response.status, 201);
    return (await response.json()) as NewKey;
  };
  const list = async (query = '') => {
    const response = await server.fetch(`/v1/keys${query}`, { headers: ADMIN });
    return ((await response.json()) as { data: KeyRecord[] }).data;
  };
  const statusWith = async (key: string, path = '/v1/capabilities') => {
    const response = await server.fetch(path, { headers: { authorization: `Bearer ${key}` } });
    await response.arrayBuffer();
    return response.status;
  };

  it('are created for an existing tenant, shown once, and permit what their scopes say', async () => {
    const { detail } = await problemIn(await create({ tenant: 'team-a' }), 404, 'TENANT_NOT_FOUND');
    assert.match(detail, /PUT \/v1\/tenants\/\{id\}.*keys create --make-tenant/);
    await server.workspaces.tenants.put('team-a', {});
    const response = await create({ tenant: 'team-a', name: 'ci' });
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const { key, ...record } = (await response.json()) as NewKey;
    assert.equal(response.headers.get('location'), `/v1/keys/${record.id}`);
    assert.deepEqual(
      [record.tenant, record.name, record.scopes, record.expires_at, record.revoked_at, record.last_used_at],
      ['team-a', 'ci', ['read', 'write'], null, null, null],
    );
    assert.ok(key.includes(record.id.slice('key_'.length)));
    assert.equal(await statusWith(key), 200);
    assert.equal(await statusWith(key, '/v1/keys'), 403);
    const listed = await list('?tenant=team-a');
    assert.deepEqual(
      listed.map(({ id }) => id),
      [record.id],
    );
    assert.ok(!JSON.stringify(listed).includes(key.split('_')[2]!), 'nothing that opens anything');
    const tenant = await server.fetch('/v1/tenants/team-a', { headers: ADMIN });
    assert.equal(tenant.status, 200);
  });

  it('show to their holder what they permit', async () => {
    const { key, id } = await madeFor('looker', { scopes: ['read'] });
    const caller = async (headers: Record<string, string>) => {
      const response = await server.fetch('/v1/caller', { headers });
      assert.equal(response.headers.get('cache-control'), 'no-store');
      return response.json();
    };
    assert.deepEqual(await caller({ authorization: `Bearer ${key}` }), {
      ...{ authentication: 'keys', tenant: 'looker', key_id: id, scopes: ['read'] },
    });
    assert.deepEqual(await caller(ADMIN), {
      ...{ authentication: 'keys', tenant: 'default', key_id: 'key_configured' },
      scopes: ['read', 'write', 'tenant_admin', 'admin'],
    });
    await problemIn(await server.fetch('/v1/caller'), 401, 'KEY_MISSING');
  });

  it('can be replaced without a gap, and the old one ends when it is revoked', async () => {
    const [old, next] = [await madeFor('rotated'), await madeFor('rotated')];
    assert.deepEqual([await statusWith(old.key), await statusWith(next.key)], [200, 200]);
    const revoked = await server.fetch(`/v1/keys/${old.id}`, { method: 'DELETE', headers: ADMIN });
    assert.deepEqual([revoked.status, await revoked.text()], [204, '']);
    const record = (await list('?tenant=rotated')).find(({ id }) => id === old.id)!;
    assert.ok(record.revoked_at && record.last_used_at);
    assert.deepEqual([await statusWith(old.key), await statusWith(next.key)], [401, 200]);
    const again = await server.fetch(`/v1/keys/${old.id}`, { method: 'DELETE', headers: ADMIN });
    assert.equal(again.status, 204);
    const listed = await list('?tenant=rotated');
    assert.equal(listed.length, 2, 'revoked ones are listed too');
    assert.deepEqual(
      listed.find(({ id }) => id === old.id),
      record,
      'again, as it was',
    );
  });

  it('expire at the requested time', async () => {
    const before = Date.now();
    const { expires_at } = await madeFor('short', { expires_in_seconds: 60 });
    assert.ok(Date.parse(expires_at!) >= before + 60_000 && Date.parse(expires_at!) <= Date.now() + 60_000);
    const scopes = ['read'] as const;
    const { key } = await server.keys.create({
      tenant: 'short',
      name: '',
      scopes,
      expiresAt: new Date(Date.now() + 300),
    });
    assert.equal(await statusWith(key), 200);
    await until('the end of the key', async () => ((await statusWith(key)) === 401 ? true : undefined));
  });

  it('are refused if the request is wrong', async () => {
    for (const body of [
      { tenant: 'Team' },
      { tenant: '../x' },
      { tenant: 'a', scopes: [] },
      { tenant: 'a', scopes: ['read', 'read'] },
      { tenant: 'a', scopes: ['root'] },
      { tenant: 'a', max_priority: 'top' },
      { tenant: 'a', expires_in_seconds: 1 },
    ])
      await problemIn(await create(body), 400, 'VALIDATION_FAILED');
    await problemIn(await create({ tenant: 'a', secret: 'x' }), 400, 'UNKNOWN_OPTION');
    for (const id of [newKey().id, 'x', '%2e%2e%2fx'])
      await problemIn(
        await server.fetch(`/v1/keys/${id}`, { method: 'DELETE', headers: ADMIN }),
        404,
        'KEY_NOT_FOUND',
      );
    await problemIn(await server.fetch('/v1/keys?tenant=A', { headers: ADMIN }), 400, 'VALIDATION_FAILED');
  });

  it('of a tenant are managed by its own administrator, who can grant only scopes of the own key', async () => {
    const others = await madeFor('tenant-b');
    const lead = await madeFor('tenant-a', { scopes: ['tenant_admin'], max_priority: 'normal' });
    const headers = { authorization: `Bearer ${lead.key}`, 'content-type': 'application/json' };
    const give = (body: object) =>
      server.fetch('/v1/keys', { method: 'POST', headers, body: JSON.stringify(body) });
    const remove = (id: string) => server.fetch(`/v1/keys/${id}`, { method: 'DELETE', headers });

    const answer = await give({ name: 'ci', scopes: ['read', 'tenant_admin'] });
    assert.equal(answer.status, 201, await answer.clone().text());
    const given = (await answer.json()) as NewKey;
    assert.deepEqual(
      [given.tenant, given.scopes, given.max_priority],
      ['tenant-a', ['read', 'tenant_admin'], 'normal'],
      'its own tenant, and no higher priority than its own',
    );
    const low = (await (await give({ tenant: 'tenant-a', max_priority: 'low' })).json()) as NewKey;
    assert.equal(low.max_priority, 'low');
    assert.equal(await statusWith(low.key), 200);

    await problemIn(await give({ scopes: ['read', 'admin'] }), 403, 'KEY_GRANT_REFUSED');
    await problemIn(await give({ max_priority: 'high' }), 403, 'KEY_GRANT_REFUSED');
    await problemIn(await give({ tenant: 'tenant-b' }), 404, 'TENANT_NOT_FOUND');
    await problemIn(await give({ tenant: 'never-made' }), 404, 'TENANT_NOT_FOUND');
    await problemIn(await remove(others.id), 404, 'KEY_NOT_FOUND');
    assert.equal(await statusWith(others.key), 200, 'it was not touched');

    const seen = async (query = '') => {
      const response = await server.fetch(`/v1/keys${query}`, { headers });
      return ((await response.json()) as { data: KeyRecord[] }).data.map(({ id }) => id).sort();
    };
    const own = [lead.id, given.id, low.id].sort();
    assert.deepEqual(await seen(), own);
    assert.deepEqual(await seen('?tenant=tenant-a'), own);
    await problemIn(await server.fetch('/v1/keys?tenant=tenant-b', { headers }), 403, 'SCOPE_MISSING');
    await problemIn(await server.fetch('/v1/tenants', { headers }), 403, 'SCOPE_MISSING');

    assert.equal((await remove(given.id)).status, 204);
    assert.equal(await statusWith(given.key), 401);
    assert.equal((await remove(lead.id)).status, 204, 'its own key too');
    assert.equal(await statusWith(lead.key, '/v1/keys'), 401);
  });

  it('belong to the tenant of the caller by default', async () => {
    const { tenant, max_priority } = await made({});
    assert.deepEqual([tenant, max_priority], ['default', undefined]);
  });

  it('are known to a second process at once, and their revocation soon', async () => {
    const keys = new KeyService(server.database, 500);
    const second = await startServer(
      {},
      { auth: { mode: 'keys' }, store: server.wholeStore, keys, workspaces: server.workspaces },
    );
    try {
      const { id, key } = await madeFor('both');
      const ask = async () => {
        const response = await second.fetch('/v1/capabilities', {
          headers: { authorization: `Bearer ${key}` },
        });
        await response.arrayBuffer();
        return response.status;
      };
      assert.equal(await ask(), 200);
      await server.fetch(`/v1/keys/${id}`, { method: 'DELETE', headers: ADMIN });
      await until('the news', async () => ((await ask()) === 401 ? true : undefined));
    } finally {
      await second.close();
    }
  });
});
