import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KeyService } from '../../src/resources/keys/service.ts';
import { TenantService } from '../../src/resources/tenants/service.ts';
import { openRateCounter, type RateCounterFixture } from './rate-counter.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const PATH = '/v1/capabilities';

async function bearerOf(keys: KeyService, tenant: string): Promise<Record<string, string>> {
  const { key } = await keys.create({
    tenant,
    makesTenant: true,
    name: '',
    scopes: ['read', 'write'],
    expiresAt: null,
  });
  return { authorization: `Bearer ${key}` };
}

describe('requests per minute', () => {
  let state: RateCounterFixture;
  let server: TestServer;
  /** Another process of the same service. */
  let second: TestServer;
  before(async () => {
    state = await openRateCounter();
    server = await startServer({}, { rates: state.rates, auth: { mode: 'keys' } });
    second = await startServer(
      {},
      {
        rates: await state.another(),
        auth: { mode: 'keys' },
        store: server.wholeStore,
        workspaces: server.workspaces,
        keys: server.keys,
      },
    );
  });
  after(async () => {
    await second.close();
    await server.close();
    await state.close();
  });

  const limit = (tenant: string, requests_per_minute: number | null) =>
    new TenantService(server.database).put(tenant, { quotas: { requests_per_minute } });

  it('are refused permanently if the tenant may send none', async () => {
    await limit('barred', 0);
    const refused = await server.fetch(PATH, { headers: await bearerOf(server.keys, 'barred') });
    assert.equal(refused.headers.get('retry-after'), null);
    await problemIn(refused, 422, 'QUOTA_TOO_SMALL');
  });

  it('are counted for all keys of a tenant and all processes together, and reported in every response', async () => {
    await limit('counted', 5);
    const bearers = [await bearerOf(server.keys, 'counted'), await bearerOf(server.keys, 'counted')];
    const left: string[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const one = turn % 2 ? second : server;
      const response = await one.fetch(PATH, { headers: bearers[turn % 2]! });
      assert.equal(response.status, 200);
      await response.arrayBuffer();
      assert.equal(response.headers.get('ratelimit-policy'), '"requests";q=5;w=60');
      left.push(/^"requests";r=(\d+);t=\d+$/.exec(response.headers.get('ratelimit')!)![1]!);
    }
    assert.deepEqual(left, ['4', '3', '2', '1', '0']);
    for (const one of [server, second]) {
      const refused = await one.fetch(PATH, { headers: bearers[0]! });
      const seconds = Number(refused.headers.get('retry-after'));
      assert.ok(seconds > 0 && seconds <= 60);
      assert.equal(refused.headers.get('ratelimit'), `"requests";r=0;t=${seconds}`);
      const { context } = await problemIn(refused, 429, 'RATE_LIMITED');
      assert.deepEqual(context, { limit: 5, window_seconds: 60, retry_after_seconds: seconds });
    }
    assert.match(await server.metrics.render(), /access_refused_total\{reason="rate"\} 2$/m);
  });

  it('are refused before their body is read', async () => {
    await limit('refused', 0);
    const response = await server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { ...(await bearerOf(server.keys, 'refused')), 'content-type': 'application/json' },
      body: '{"not json',
    });
    await problemIn(response, 422, 'QUOTA_TOO_SMALL');
  });

  it('are not counted for tenants without a limit, or for probes', async () => {
    await limit('free', null);
    for (const tenant of ['free', 'without']) {
      const response = await server.fetch(PATH, { headers: await bearerOf(server.keys, tenant) });
      assert.deepEqual([response.status, response.headers.get('ratelimit')], [200, null]);
    }
    await limit('default', 0);
    const open = await startServer(
      {},
      { rates: state.rates, store: server.wholeStore, workspaces: server.workspaces },
    );
    try {
      server.workspaces.limits.forget('default');
      for (const path of ['/livez', '/readyz', '/metrics', '/openapi.yaml'])
        assert.equal((await open.fetch(path)).status, 200, path);
      await problemIn(await open.fetch(PATH), 422, 'QUOTA_TOO_SMALL');
    } finally {
      await limit('default', null);
      server.workspaces.limits.forget('default');
      await open.close();
    }
  });

  it('are all admitted while Redis is away', async () => {
    const away = await openRateCounter();
    const other = await startServer({}, { rates: away.rates });
    try {
      await new TenantService(other.database).put('default', { quotas: { requests_per_minute: 1 } });
      assert.equal((await other.fetch(PATH)).status, 200);
      await problemIn(await other.fetch(PATH), 429, 'RATE_LIMITED');
      await away.broker.close();
      for (let times = 0; times < 3; times++) {
        const response = await other.fetch(PATH);
        assert.deepEqual([response.status, response.headers.get('ratelimit')], [200, null]);
      }
    } finally {
      await other.close();
      await away.close();
    }
  });
});
