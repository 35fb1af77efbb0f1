import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import type { Readiness } from '../../src/contract/readiness.ts';
import type { Problem } from '../../src/http/problem.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { SmallDisk } from './mounts.ts';

/** Runs the service, which starts nevertheless, and ends it cleanly. */
async function withService(
  env: NodeJS.ProcessEnv,
  work: (service: ServiceProcess) => Promise<void>,
): Promise<void> {
  const service = await startService({ LOG_LEVEL: 'info', ...env });
  try {
    await work(service);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${service.output()}`, { cause: error });
  } finally {
    assert.equal(await service.end(), 0, service.output());
  }
}

/** Changes these settings of a Redis server. */
async function configure(url: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const client = new Redis(url);
  for (const [setting, value] of Object.entries(settings)) await client.config('SET', setting, value);
  client.disconnect();
}

/**
 * The service is alive and reports what is wrong with this part: in /readyz, in the log and as a metric. It
 * is still ready for everything else, unless nothing is left.
 * @param codes of all reasons
 */
async function isTold(
  service: ServiceProcess,
  part: string,
  codes: string[],
  reason: RegExp,
  { status = 200, isUsable = false } = {},
): Promise<void> {
  assert.equal((await fetch(`${service.url}/livez`)).status, 200);
  const response = await fetch(`${service.url}/readyz`);
  const text = await response.text();
  assert.equal(response.status, status, text);
  if (status === 200) {
    const { status: state, reasons } = JSON.parse(text) as Readiness;
    assert.equal(state, 'degraded');
    assert.deepEqual(
      reasons.map((one) => [one.part, one.code]),
      codes.map((code) => [part, code]),
    );
    assert.match(reasons.map(({ detail }) => detail).join(' '), reason);
  } else {
    const { code, context, detail } = JSON.parse(text) as Problem;
    assert.deepEqual([[code], context?.failed], [codes, [part]]);
    assert.match(detail, reason);
  }
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  const unusable = [...metrics.matchAll(/^lora_squeeze_ready\{part="(\w+)"\} 0$/gm)].map(([, name]) => name);
  assert.deepEqual(unusable, isUsable ? [] : [part]);
  for (const code of codes)
    assert.match(metrics, new RegExp(`^lora_squeeze_degraded\\{part="${part}",code="${code}"\\} 1$`, 'm'));
  const lines = service
    .output()
    .split('\n')
    .filter((line) => /"readiness: (at risk|cannot be used)"/.test(line))
    .map((line) => JSON.parse(line) as Record<string, string>);
  assert.deepEqual(
    lines.map((line) => [line.part, line.code]),
    codes.map((code) => [part, code]),
    service.output(),
  );
  assert.match(lines.map((line) => line.reason).join(' '), reason);
}

const isReady = (service: ServiceProcess): Promise<boolean> =>
  until('readiness', async () => {
    const { status } = (await (await fetch(`${service.url}/readyz`)).json()) as Readiness;
    return status === 'ready' ? true : undefined;
  });

async function canSqueeze(service: ServiceProcess): Promise<void> {
  const client = new Client(service.url);
  const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
  const job = await until('a job', () => client.squeeze(adapter.id, [{ rank: 1 }]).catch(() => undefined));
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
}

const UNFIT = { 'maxmemory-policy': 'allkeys-lru' };
const FIXED = { 'maxmemory-policy': 'noeviction' };

describe('a start on an unsuitable environment', () => {
  it('names the setting of a Redis that may drop jobs, until it is changed', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, []);
      try {
        await configure(redis.url, UNFIT);
        const shared = { REDIS_URL: redis.url, DATABASE_URL: await testDatabase() };
        const env = { DATA_DIR: join(folder, 'api'), ROLE: 'api', ...shared };
        await withService(env, (service) => isToldOfUnfitRedis(service, redis.url));
      } finally {
        await redis.stop();
      }
    }));

  /** Then the setting is changed, and the service is ready. */
  async function isToldOfUnfitRedis(service: ServiceProcess, url: string): Promise<void> {
    await isTold(service, 'queue', ['QUEUE_EVICTS'], /allkeys-lru.*noeviction/, { isUsable: true });
    await configure(url, FIXED);
    await isReady(service);
  }

  it('gives the reason why a storage is read-only or full, until it is not', (t) =>
    withFolder(async (folder) => {
      const disk = SmallDisk.mount(join(folder, 'storage'), '64m');
      if (typeof disk === 'string') return t.skip(disk);
      try {
        disk.remount('ro');
        const env = { DATA_DIR: join(folder, 'data'), STORAGE_URL: `file:${disk.folder}` };
        await withService(env, async (service) => {
          await isTold(service, 'storage', ['STORAGE_FAILED'], /could not write \(EROFS\)/);
          disk.remount('rw');
          await isReady(service);
        });
        disk.fill();
        await withService(env, async (service) => {
          await isTold(service, 'storage', ['STORAGE_FULL'], /could not write \(ENOSPC\)/);
          await disk.free();
          await isReady(service);
          await canSqueeze(service);
        });
      } finally {
        disk.unmount();
      }
    }));

  it('takes no jobs if the execution provider does not load; the jobs wait for another worker', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, FIT);
      const shared = { REDIS_URL: redis.url, DATABASE_URL: await testDatabase() };
      const env = { ...shared, STORAGE_URL: `file:${join(folder, 'storage')}` };
      const unable = { ...env, DATA_DIR: join(folder, 'unable'), EXECUTION_PROVIDER: 'cuda' };
      try {
        await withService(unable, async (service) => {
          const reason = /CUDA execution provider cannot be loaded/;
          // It is also an API, which can do everything else; a worker could do nothing.
          await isTold(service, 'provider', ['PROVIDER_UNAVAILABLE'], reason);
          const alone = { ...unable, DATA_DIR: join(folder, 'alone'), ROLE: 'worker' };
          await withService(alone, (worker) =>
            isTold(worker, 'provider', ['PROVIDER_UNAVAILABLE'], reason, { status: 503 }),
          );
          const client = new Client(service.url);
          const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
          const job = { kind: 'squeeze', adapter_id: adapter.id, targets: [{ rank: 1 }] };
          const { id } = (await (await client.postJob(job)).json()) as { id: string };
          assert.equal((await client.json<{ state: string }>(`/v1/jobs/${id}`)).state, 'queued');
          // A worker reports the same about Redis as an API, and still works.
          await configure(redis.url, UNFIT);
          await withService({ ...env, DATA_DIR: join(folder, 'able'), ROLE: 'worker' }, async (able) => {
            await isToldOfUnfitRedis(able, redis.url);
            const done = await client.finished(id);
            assert.deepEqual([done.state, done.attempts, done.provider?.name], ['succeeded', 1, 'cpu']);
          });
        });
      } finally {
        await redis.stop();
      }
    }));

  it('names the keys that are missing if secrets were stored with another SECRETS_KEYS, and is ready with the right one', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, FIT);
      const [right, wrong] = [1, 2].map(() => randomBytes(32).toString('base64'));
      const env = { DATA_DIR: folder, REDIS_URL: redis.url, DATABASE_URL: await testDatabase() };
      try {
        // Before there are secrets any key is accepted.
        await withService({ ...env, ROLE: 'api', SECRETS_KEYS: right }, async (service) => {
          await isReady(service);
          const response = await fetch(`${service.url}/v1/webhooks`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ url: 'https://hooks.example.com/never-called' }),
          });
          assert.match(await response.text(), /whsec_/);
        });
        await withService({ ...env, ROLE: 'worker', SECRETS_KEYS: wrong }, (service) =>
          isTold(
            service,
            'secrets',
            ['SECRETS_UNAVAILABLE'],
            /encrypted with key [0-9a-f]{8}; this service has key/,
          ),
        );
        await withService({ ...env, ROLE: 'api' }, async (service) => {
          await isTold(service, 'secrets', ['SECRETS_UNAVAILABLE'], /set SECRETS_KEYS/);
          for (const path of ['/v1/webhooks', '/v1/adapters', '/v1/jobs'])
            assert.equal((await fetch(service.url + path)).status, 200, path);
        });
        await withService({ ...env, ROLE: 'api', SECRETS_KEYS: right }, isReady as never);
      } finally {
        await redis.stop();
      }
    }));
});
