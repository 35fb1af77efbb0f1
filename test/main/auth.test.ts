import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { KeyService } from '../../src/service/keys/key-service.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { rawRequest } from '../http/raw-request.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { squeezeOnce } from '../tracing/upload.ts';
import { refusedStart, startService } from './service-process.ts';

const ADMIN_KEY = 'administrator-of-this-test-42';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function statusOf(url: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url + path, { headers });
  await response.arrayBuffer();
  return response.status;
}

const getFor = (host: string) => `GET /v1/profiles HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

async function newKey(url: string, tenant: string): Promise<{ id: string; key: string }> {
  const response = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { ...bearer(ADMIN_KEY), 'content-type': 'application/json' },
    body: JSON.stringify({ tenant, scopes: ['read', 'write'] }),
  });
  assert.equal(response.status, 201);
  return (await response.json()) as { id: string; key: string };
}

describe('who is let in', () => {
  it('is everybody on a loopback address, where nothing was said', () =>
    withFolder(async (DATA_DIR) => {
      const service = await startService({ DATA_DIR });
      assert.equal(await statusOf(service.url, '/v1/profiles'), 200);
      assert.equal(await service.end(), 0);
    }));

  it('is nobody on other addresses without a key, so the service does not start', () =>
    withFolder(async (DATA_DIR) => {
      for (const env of [{ HOST: '0.0.0.0' }, { HOST: '::' }, { AUTH: 'keys' }]) {
        const { code, stderr } = await refusedStart({ DATA_DIR, ...env });
        assert.equal(code, 2, stderr);
        assert.match(stderr, /node dist\/cli\/main\.js keys create .*ADMIN_KEY.*AUTH=open/);
        assert.equal(stderr.trim().split('\n').length, 1, 'one sentence, no stack');
      }
    }));

  it('is everybody on other addresses where that was said', () =>
    withFolder(async (DATA_DIR) => {
      const env = { HOST: '0.0.0.0', AUTH: 'open', ALLOWED_HOSTS: 'squeeze.lan, other.lan:8443' };
      const service = await startService({ DATA_DIR, ...env });
      const url = service.url.replace('0.0.0.0', '127.0.0.1');
      assert.equal(await statusOf(url, '/v1/profiles'), 200);
      for (const [host, status] of [
        ['squeeze.lan:8080', 200],
        ['other.lan:8443', 200],
        ['other.lan:8080', 421],
        ['evil.example', 421],
      ] as const)
        assert.equal((await rawRequest(Number(new URL(url).port), getFor(host), true)).status, status, host);
      assert.equal(await service.end(), 0);
      assert.match(service.output(), /"host":"0\.0\.0\.0".*nobody is asked for a key/);
    }));

  it('is nobody later for what was tried while everybody was', () =>
    withFolder(async (DATA_DIR) => {
      const open = await startService({ DATA_DIR });
      const minted = await fetch(`${open.url}/v1/keys`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'kept' },
        body: JSON.stringify({ tenant: 'default', scopes: ['admin', 'read', 'write'] }),
      });
      assert.equal(minted.status, 403, await minted.text());
      assert.equal((await squeezeOnce(open.url, { prefer: 'wait=50' })).state, 'succeeded');
      assert.equal(await open.end(), 0);
      assert.equal((await refusedStart({ DATA_DIR, AUTH: 'keys' })).code, 2, 'there is no key');

      const service = await startService({ DATA_DIR, AUTH: 'keys', ADMIN_KEY });
      const listed = await fetch(`${service.url}/v1/keys`, { headers: bearer(ADMIN_KEY) });
      assert.deepEqual(await listed.json(), { keys: [] });
      const jobs = await fetch(`${service.url}/v1/jobs`, { headers: bearer(ADMIN_KEY) });
      assert.equal(
        ((await jobs.json()) as { jobs: unknown[] }).jobs.length,
        1,
        'what was made openly is there',
      );
      assert.equal(await statusOf(service.url, '/v1/jobs'), 401);
      assert.equal(await service.end(), 0);
    }));

  it('is who has a key that was made before the start, without any in the configuration', () =>
    withFolder(async (DATA_DIR) => {
      const store = await DiskStore.open(join(DATA_DIR, 'storage'));
      const keys = new KeyService(store);
      const dead = await keys.create({ tenant: 'a', name: '', scopes: ['read'], expiresAt: new Date(0) });
      await store.close();
      assert.equal(
        (await refusedStart({ DATA_DIR, HOST: '0.0.0.0' })).code,
        2,
        'an expired key opens nothing',
      );

      const again = await DiskStore.open(join(DATA_DIR, 'storage'));
      const { key } = await new KeyService(again).create({
        tenant: 'a',
        name: '',
        scopes: ['read'],
        expiresAt: null,
      });
      await again.close();
      const service = await startService({ DATA_DIR, HOST: '0.0.0.0' });
      const url = service.url.replace('0.0.0.0', '127.0.0.1');
      assert.equal(await statusOf(url, '/v1/profiles'), 401);
      assert.equal(await statusOf(url, '/v1/profiles', bearer(dead.key)), 401);
      assert.equal(await statusOf(url, '/v1/profiles', bearer(key)), 200);
      assert.equal(await statusOf(url, '/readyz'), 200);
      assert.equal(await service.end(), 0);
    }));

  it('leaves no key in files or logs, and works through a job with it', () =>
    withFolder(async (DATA_DIR) => {
      const service = await startService({ DATA_DIR, AUTH: 'keys', ADMIN_KEY, LOG_LEVEL: 'trace' });
      const { key } = await newKey(service.url, 'team');
      assert.equal(
        (await squeezeOnce(service.url, { ...bearer(key), prefer: 'wait=50' })).state,
        'succeeded',
      );
      await statusOf(service.url, '/v1/profiles', bearer(`${key}x`));
      await statusOf(service.url, `/v1/profiles?access_token=${key}`);
      await statusOf(service.url, `/v1/jobs/${key}`, bearer(key));
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      assert.equal(await service.end(), 0);
      const secret = key.split('_')[2]!;
      let files = 0;
      for (const entry of await readdir(DATA_DIR, { recursive: true, withFileTypes: true })) {
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
    }));

  it('is told to other processes: a key at once, its end within five seconds', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, FIT);
      const env = {
        ROLE: 'api',
        AUTH: 'keys',
        ADMIN_KEY,
        REDIS_URL: redis.url,
        STORAGE_URL: `file:${join(folder, 'storage')}`,
      };
      const services = await Promise.all(
        ['a', 'b'].map((name) => startService({ ...env, DATA_DIR: join(folder, name) })),
      );
      try {
        const [one, two] = services as [(typeof services)[0], (typeof services)[0]];
        const { id, key } = await newKey(one.url, 'team');
        assert.equal(await statusOf(two.url, '/v1/profiles', bearer(key)), 200);
        await fetch(`${one.url}/v1/keys/${id}`, { method: 'DELETE', headers: bearer(ADMIN_KEY) });
        assert.equal(await statusOf(one.url, '/v1/profiles', bearer(key)), 401);
        const revokedMs = performance.now();
        await until('the news', async () =>
          (await statusOf(two.url, '/v1/profiles', bearer(key))) === 401 ? true : undefined,
        );
        assert.ok(performance.now() - revokedMs < 10_000);

        // And what they share in Redis: one request, whichever of them gets it again.
        const fresh = await newKey(one.url, 'team');
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
        assert.equal((await plan(one.url)).headers.get('idempotent-replayed'), null);
        assert.equal((await plan(two.url)).headers.get('idempotent-replayed'), 'true');
      } finally {
        for (const service of services) await service.end();
        await redis.stop();
      }
    }));
});
