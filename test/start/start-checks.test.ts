import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { SmallDisk } from './mounts.ts';

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly context: { readonly failed: string[] };
}

/** Runs the service, which starts all the same, and ends it well. */
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

/** It lives, is not ready, and says of this part why: to whoever asks, in the log and as a metric. */
async function isUnready(service: ServiceProcess, part: string, code: string, reason: RegExp): Promise<void> {
  assert.equal((await fetch(`${service.url}/livez`)).status, 200);
  const response = await fetch(`${service.url}/readyz`);
  const problem = (await response.json()) as Problem;
  assert.deepEqual([problem.code, problem.context.failed], [code, [part]], JSON.stringify(problem));
  assert.equal(response.status, code === 'STORAGE_FULL' ? 507 : 503);
  assert.match(problem.detail, new RegExp(`^${part}: `));
  assert.match(problem.detail, reason);
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  const unready = [...metrics.matchAll(/^lora_squeeze_ready\{part="(\w+)"\} 0$/gm)].map(([, name]) => name);
  assert.deepEqual(unready, [part]);
  const lines = service
    .output()
    .split('\n')
    .filter((line) => line.includes('"not ready"'));
  assert.equal(lines.length, 1, service.output());
  const { part: told, reason: why } = JSON.parse(lines[0]!) as Record<string, string>;
  assert.equal(told, part);
  assert.match(why!, reason);
}

const isReady = (service: ServiceProcess): Promise<boolean> =>
  until('readiness', async () => ((await fetch(`${service.url}/readyz`)).ok ? true : undefined));

async function canSqueeze(service: ServiceProcess): Promise<void> {
  const client = new Client(service.url);
  const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
  const job = await until('a job', () => client.squeeze(adapter.id, [{ rank: 1 }]).catch(() => undefined));
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
}

describe('a start on what does not hold', () => {
  it('a Redis that may drop jobs or forgets them: which settings, until they are others', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, ['--maxmemory-policy', 'allkeys-lru']);
      const client = new Redis(redis.port, '127.0.0.1');
      try {
        for (const ROLE of ['api', 'worker']) {
          await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
          await client.config('SET', 'appendonly', 'no');
          await withService({ DATA_DIR: join(folder, ROLE), ROLE, REDIS_URL: redis.url }, async (service) => {
            await isUnready(
              service,
              'queue',
              'QUEUE_UNAVAILABLE',
              /allkeys-lru.*noeviction.*append-only.*yes/,
            );
            await client.config('SET', 'maxmemory-policy', 'noeviction');
            await client.config('SET', 'appendonly', 'yes');
            await isReady(service);
          });
        }
      } finally {
        client.disconnect();
        await redis.stop();
      }
    }));

  it('a storage that cannot be written: why, until it can', (t) =>
    withFolder(async (folder) => {
      const disk = SmallDisk.mount(join(folder, 'storage'), '64m');
      if (typeof disk === 'string') return t.skip(disk);
      try {
        disk.remount('ro');
        const env = { DATA_DIR: join(folder, 'data'), STORAGE_URL: `file:${disk.folder}` };
        await withService(env, async (service) => {
          await isUnready(service, 'storage', 'STORAGE_FAILED', /could not write \(EROFS\)/);
          disk.remount('rw');
          await isReady(service);
          await canSqueeze(service);
        });
      } finally {
        disk.unmount();
      }
    }));

  it('a disk that is full: that it is, until there is room', (t) =>
    withFolder(async (folder) => {
      const disk = SmallDisk.mount(join(folder, 'storage'), '64m');
      if (typeof disk === 'string') return t.skip(disk);
      try {
        disk.fill();
        const env = { DATA_DIR: join(folder, 'data'), STORAGE_URL: `file:${disk.folder}` };
        await withService(env, async (service) => {
          await isUnready(service, 'storage', 'STORAGE_FULL', /could not write \(ENOSPC\)/);
          await disk.free();
          await isReady(service);
          await canSqueeze(service);
        });
      } finally {
        disk.unmount();
      }
    }));

  it('an execution provider that does not load: that no jobs are taken, which wait for one who can', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, FIT);
      const env = { REDIS_URL: redis.url, STORAGE_URL: `file:${join(folder, 'storage')}` };
      const unable = { ...env, DATA_DIR: join(folder, 'unable'), EXECUTION_PROVIDER: 'cuda' };
      try {
        await withService(unable, async (service) => {
          await isUnready(
            service,
            'provider',
            'PROVIDER_UNAVAILABLE',
            /CUDA execution provider cannot be loaded/,
          );
          const client = new Client(service.url);
          const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
          const job = { kind: 'squeeze', adapter_id: adapter.id, targets: [{ rank: 1 }] };
          const { id } = (await (await client.postJob(job)).json()) as { id: string };
          assert.equal((await client.json<{ state: string }>(`/v1/jobs/${id}`)).state, 'queued');
          await withService({ ...env, DATA_DIR: join(folder, 'able'), ROLE: 'worker' }, async (able) => {
            await isReady(able);
            const done = await client.finished(id);
            assert.deepEqual([done.state, done.attempts, done.provider?.name], ['succeeded', 1, 'cpu']);
          });
        });
      } finally {
        await redis.stop();
      }
    }));

  it('another SECRETS_KEY than secrets were stored with, or none: which keys, and it is ready with the right one', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, FIT);
      const [right, wrong] = [1, 2].map(() => randomBytes(32).toString('base64'));
      const env = { DATA_DIR: folder, REDIS_URL: redis.url };
      try {
        await withService({ ...env, ROLE: 'api', SECRETS_KEY: wrong }, isReady as never);
        await withService({ ...env, ROLE: 'api', SECRETS_KEY: right }, async (service) => {
          const response = await fetch(`${service.url}/v1/webhooks`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ url: 'https://hooks.example.com/never-called' }),
          });
          assert.match(await response.text(), /whsec_/);
        });
        await withService({ ...env, ROLE: 'worker', SECRETS_KEY: wrong }, (service) =>
          isUnready(
            service,
            'secrets',
            'SECRETS_UNAVAILABLE',
            /sealed with key [0-9a-f]{8}; this service has key/,
          ),
        );
        await withService({ ...env, ROLE: 'api' }, (service) =>
          isUnready(service, 'secrets', 'SECRETS_UNAVAILABLE', /set SECRETS_KEY/),
        );
        await withService({ ...env, ROLE: 'api', SECRETS_KEY: right }, isReady as never);
      } finally {
        await redis.stop();
      }
    }));
});
