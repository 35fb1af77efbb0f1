import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { KeyService } from '../../src/resources/keys/service.ts';
import { POOL } from '../database/dialects.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { IdentityProvider } from '../http/identity-provider.ts';
import { rawRequest } from '../http/raw-request.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { squeezeOnce } from '../tracing/upload.ts';
import { refusedStart, type ServiceProcess, startService } from './service-process.ts';

const ADMIN_KEY = 'administrator-of-this-test-42';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function statusOf(url: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url + path, { headers });
  await response.arrayBuffer();
  return response.status;
}

const getFor = (host: string) =>
  `GET /v1/capabilities HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

async function newKey(url: string, tenant: string, by = ADMIN_KEY): Promise<{ id: string; key: string }> {
  const made = await fetch(`${url}/v1/tenants/${tenant}`, {
    method: 'PUT',
    headers: { ...bearer(by), 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(made.status, 200, await made.text());
  const response = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { ...bearer(by), 'content-type': 'application/json' },
    body: JSON.stringify({ tenant, scopes: ['read', 'write'] }),
  });
  assert.equal(response.status, 201);
  return (await response.json()) as { id: string; key: string };
}

/** Squeezes an adapter, and waits until it is done. */
async function squeezed(url: string, headers: Record<string, string> = {}): Promise<void> {
  const { id } = await squeezeOnce(url, headers);
  const job = await until('the end of the job', async () => {
    const record = (await (await fetch(`${url}/v1/jobs/${id}`, { headers })).json()) as JobRecord;
    return record.finished_at === null ? undefined : record;
  });
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
}

/** Creates a key as the command does, without a service. */
async function keyBeforeStart(url: string, expiresAt: Date | null): Promise<string> {
  const database = await openDatabase({ url, dataDir: '', ...POOL });
  const scopes = ['admin', 'read'] as const;
  const made = await new KeyService(database).create({
    tenant: 'a',
    makesTenant: true,
    name: '',
    scopes: [...scopes],
    expiresAt,
  });
  await database.close();
  return made.key;
}

describe('tokens, as configured for a process', () => {
  it('give access without any key, and leave no trace of themselves', () =>
    withFolder(async (DATA_DIR) => {
      const provider = await IdentityProvider.start();
      provider.addKey('one', 'ES256');
      const env = { DATA_DIR, LOG_LEVEL: 'trace', JWT_ISSUER: provider.issuer, JWT_AUDIENCE: 'lora-squeeze' };
      const service = await startService({
        ...env,
        JWT_TENANT_CLAIM: '/org/team',
        JWT_SCOPE_PREFIX: 'squeeze:',
      });
      try {
        const claims = { org: { team: 'default' }, scope: 'squeeze:read squeeze:write squeeze:admin' };
        const token = provider.token(claims);
        assert.equal(await statusOf(service.url, '/v1/capabilities'), 401, 'AUTH is keys');
        assert.equal(await statusOf(service.url, '/v1/capabilities', bearer(token)), 200);
        assert.equal(await statusOf(service.url, '/v1/tenants', bearer(token)), 403);
        await statusOf(service.url, `/v1/jobs/${token}`, bearer(token));
        assert.equal(await statusOf(service.url, '/v1/jobs', bearer(provider.token())), 403);
        await squeezed(service.url, bearer(token));
        assert.equal(await service.end(), 0);
        assert.match(service.output(), /"keyId":"jwt:somebody"/);
        assert.ok(!service.output().includes(token.split('.')[2]!), 'no signature is in the log');
        assert.ok(!service.output().includes(token.split('.')[1]!), 'nor are the claims');
      } finally {
        await service.end('SIGKILL');
        await provider.close();
      }
    }));
});

describe('access to a service', () => {
  it('is refused to everyone on other addresses without a key: the service does not start', () =>
    withFolder(async (DATA_DIR) => {
      const cases = [
        [{ HOST: '0.0.0.0' }, 'HOST is 0.0.0.0, and AUTH is not "open", so callers need a key'],
        [{ HOST: '::' }, 'HOST is ::, and AUTH is not "open", so callers need a key'],
        [{ AUTH: 'keys' }, 'AUTH is "keys", so callers need a key'],
      ] as const;
      for (const [env, why] of cases) {
        const { code, stderr } = await refusedStart({ DATA_DIR, ...env });
        assert.equal(code, 2, stderr);
        assert.ok(stderr.includes(why), stderr);
        assert.match(stderr, /node dist\/cli\/main\.js keys create .*ADMIN_KEY.*AUTH=open/);
        assert.equal(stderr.trim().split('\n').length, 1, 'one sentence, no stack');
      }
    }));

  it('is open on other addresses if that is configured, and what was tried before has no effect later', () =>
    withFolder(async (DATA_DIR) => {
      const env = { HOST: '0.0.0.0', AUTH: 'open', ALLOWED_HOSTS: 'squeeze.lan, other.lan:8443' };
      const open = await startService({ DATA_DIR, ...env });
      const url = open.url.replace('0.0.0.0', '127.0.0.1');
      assert.equal(await statusOf(url, '/v1/capabilities'), 200);
      for (const [host, status] of [
        ['squeeze.lan:8080', 200],
        ['other.lan:8443', 200],
        ['other.lan:8080', 421],
        ['evil.example', 421],
      ] as const)
        assert.equal((await rawRequest(Number(new URL(url).port), getFor(host), true)).status, status, host);
      const minted = await fetch(`${url}/v1/keys`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'kept' },
        body: JSON.stringify({ tenant: 'default', scopes: ['admin', 'read', 'write'] }),
      });
      assert.equal(minted.status, 403, await minted.text());
      await squeezed(url);
      assert.equal(await open.end(), 0);
      assert.match(open.output(), /"host":"0\.0\.0\.0".*requires no key/);
      assert.equal((await refusedStart({ DATA_DIR, AUTH: 'keys' })).code, 2, 'there is no key');

      const service = await startService({ DATA_DIR, AUTH: 'keys', ADMIN_KEY, LOG_LEVEL: 'trace' });
      const listed = await fetch(`${service.url}/v1/keys`, { headers: bearer(ADMIN_KEY) });
      assert.deepEqual(await listed.json(), { data: [], next_cursor: null });
      const jobs = await fetch(`${service.url}/v1/jobs`, { headers: bearer(ADMIN_KEY) });
      assert.equal(
        ((await jobs.json()) as { data: unknown[] }).data.length,
        1,
        'what was made openly is there',
      );
      assert.equal(await statusOf(service.url, '/v1/jobs'), 401);
      await leavesNoKey(service, DATA_DIR);
    }));

  /** Executes a job with a key until its end; afterwards neither files nor logs may contain the key. */
  async function leavesNoKey(service: ServiceProcess, dataDir: string): Promise<void> {
    const { key } = await newKey(service.url, 'team');
    await squeezed(service.url, bearer(key));
    await statusOf(service.url, '/v1/capabilities', bearer(`${key}x`));
    await statusOf(service.url, `/v1/capabilities?access_token=${key}`);
    await statusOf(service.url, `/v1/jobs/${key}`, bearer(key));
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    assert.equal(await service.end(), 0);
    const secret = key.split('_')[2]!;
    let files = 0;
    for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      files++;
      const text = await readFile(join(entry.parentPath, entry.name), 'latin1');
      assert.ok(!text.includes(secret), entry.name);
      assert.ok(!text.includes(ADMIN_KEY), entry.name);
    }
    assert.ok(files > 10, 'there was something to look at');
    for (const text of [service.output(), metrics]) {
      assert.ok(
        !text.includes(secret),
        text.split('\n').find((line) => line.includes(secret)),
      );
      assert.ok(!text.includes(ADMIN_KEY));
    }
  }

  it('is given by a key from before the start; other processes learn of new keys, and of their revocation', () =>
    withFolder(async (folder) => {
      const storage = join(folder, 'storage');
      const DATABASE_URL = await testDatabase();
      const dead = await keyBeforeStart(DATABASE_URL, new Date(0));
      const redis = await startExternalRedis(folder, FIT);
      // The configuration contains no key.
      const shared = { REDIS_URL: redis.url, DATABASE_URL, STORAGE_URL: `file:${storage}` };
      const env = { ROLE: 'api', HOST: '0.0.0.0', ...shared };
      const services: ServiceProcess[] = [];
      try {
        const refused = await refusedStart({ ...env, DATA_DIR: join(folder, 'a') });
        assert.equal(refused.code, 2, 'an expired key opens nothing');
        const admin = await keyBeforeStart(DATABASE_URL, null);
        const started = ['a', 'b'].map((name) => startService({ ...env, DATA_DIR: join(folder, name) }));
        services.push(...(await Promise.all(started)));
        const [one, two] = services.map(({ url }) => url.replace('0.0.0.0', '127.0.0.1')) as [string, string];
        assert.equal(await statusOf(one, '/v1/capabilities'), 401);
        assert.equal(await statusOf(one, '/v1/capabilities', bearer(dead)), 401);
        assert.equal(await statusOf(one, '/v1/capabilities', bearer(admin)), 200);
        assert.equal(await statusOf(one, '/readyz'), 200);

        const { id, key } = await newKey(one, 'team', admin);
        assert.equal(await statusOf(two, '/v1/capabilities', bearer(key)), 200);
        await fetch(`${one}/v1/keys/${id}`, { method: 'DELETE', headers: bearer(admin) });
        assert.equal(await statusOf(one, '/v1/capabilities', bearer(key)), 401);
        await until('the news', async () =>
          (await statusOf(two, '/v1/capabilities', bearer(key))) === 401 ? true : undefined,
        );

        // And nothing that they share in Redis contains it: one request is sent again through each of them.
        const fresh = await newKey(one, 'team', admin);
        const plan = (url: string) =>
          fetch(`${url}/v1/schedules`, {
            method: 'POST',
            headers: {
              ...bearer(fresh.key),
              'content-type': 'application/json',
              'idempotency-key': 'shared',
            },
            body: JSON.stringify({ source_rank: 8, target_rank: 4, total_steps: 4000 }),
          });
        assert.equal((await plan(one)).headers.get('idempotent-replayed'), null);
        assert.equal((await plan(two)).headers.get('idempotent-replayed'), 'true');
      } finally {
        for (const service of services) assert.equal(await service.end(), 0);
        await redis.stop();
      }
    }));
});
