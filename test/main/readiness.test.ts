import assert from 'node:assert/strict';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import type { Readiness } from '../../src/contract/readiness.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { Client, readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { type ServiceProcess, startService } from './service-process.ts';

/** Much more than the promised second, for busy machines; with a hung Redis it would never happen. */
const PROBE_TIMEOUT_MS = 60_000;

async function readiness(service: ServiceProcess): Promise<{ status: number; body: Readiness }> {
  const response = await fetch(`${service.url}/readyz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  return { status: response.status, body: (await response.json()) as Readiness };
}

/**
 * Waits until it is degraded for exactly this reason; meanwhile it must never be unready. @returns the text
 * of the reason
 */
async function degraded(service: ServiceProcess, part: string, code: string): Promise<string> {
  return until(`${code}`, async () => {
    const { status, body } = await readiness(service);
    assert.equal(status, 200, JSON.stringify(body));
    const isIt = body.reasons.length === 1 && body.reasons[0]!.code === code;
    if (!isIt) return undefined;
    assert.deepEqual([body.status, body.reasons[0]!.part], ['degraded', part]);
    return body.reasons[0]!.detail;
  });
}

const ready = (service: ServiceProcess): Promise<true> =>
  until('ready', async () => ((await readiness(service)).body.status === 'ready' ? true : undefined));

const metricsOf = async (service: ServiceProcess): Promise<string> =>
  (await fetch(`${service.url}/metrics`)).text();

/** A file instead of a folder, which the service may create again at that moment. */
function putFileInPlaceOf(folder: string): void {
  renameSync(folder, `${folder}.away`);
  while (!statSync(folder, { throwIfNoEntry: false })?.isFile()) {
    rmSync(folder, { recursive: true, force: true });
    try {
      writeFileSync(folder, 'not a folder');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    }
  }
}

describe('an API in trouble', () => {
  it('continues while Redis is silent, full, forgetful, evicting or away: degraded, with the reason, until it recovers', () =>
    withFolder(async (folder) => {
      let redis = await startExternalRedis(folder, FIT);
      const admin = new Redis(redis.port, '127.0.0.1', { retryStrategy: () => 100 });
      admin.on('error', () => undefined);
      const service = await startService({
        ...{ DATA_DIR: folder, ROLE: 'api', REDIS_URL: redis.url },
        DATABASE_URL: await testDatabase(),
      });
      try {
        const client = new Client(service.url);
        const [first, other] = fixtureAdapters();
        const { adapter } = await client.upload(first!.dir);
        const job = { kind: 'squeeze', adapter_id: adapter.id, targets: [{ rank: 1 }], reuse: false };
        await ready(service);

        /** These calls must work whatever happens to Redis. */
        const serves = async (): Promise<void> => {
          for (const path of [
            `/v1/adapters/${adapter.id}`,
            '/v1/adapters',
            `/v1/adapters/${adapter.id}/files/${adapter.files[0]!.name}`,
          ]) {
            const response = await client.fetch(path);
            await response.arrayBuffer();
            assert.equal(response.status, 200, path);
          }
          const upload = await client.postAdapter(readAdapterFiles(other!.dir));
          assert.ok(upload.ok, await upload.text());
          const accepted = await client.postJob(job);
          assert.equal(accepted.status, 202, await accepted.clone().text());
          const { id } = (await accepted.json()) as { id: string };
          assert.equal((await client.json<{ state: string }>(`/v1/jobs/${id}`)).state, 'queued');
        };
        process.kill(redis.pid, 'SIGSTOP');
        assert.match(await degraded(service, 'queue', 'QUEUE_UNAVAILABLE'), /does not answer/);
        await serves();
        assert.match(await metricsOf(service), /^lora_squeeze_ready\{part="queue"\} 0$/m);
        process.kill(redis.pid, 'SIGCONT');
        await ready(service);

        await admin.config('SET', 'maxmemory', '1');
        const full = /no memory left.*maxmemory/;
        assert.match(await degraded(service, 'queue', 'QUEUE_FULL'), full);
        await serves();
        await admin.config('SET', 'maxmemory', '0');
        await ready(service);

        await admin.config('SET', 'maxmemory-policy', 'volatile-lru');
        assert.match(await degraded(service, 'queue', 'QUEUE_EVICTS'), /maxmemory-policy/);
        await serves();
        const text = await metricsOf(service);
        assert.match(text, /^lora_squeeze_ready\{part="queue"\} 1$/m);
        assert.match(text, /^lora_squeeze_degraded\{part="queue",code="QUEUE_EVICTS"\} 1$/m);
        await admin.config('SET', 'maxmemory-policy', 'noeviction');
        await ready(service);

        await redis.stop('SIGKILL');
        assert.match(await degraded(service, 'queue', 'QUEUE_UNAVAILABLE'), /cannot be reached/);
        await serves();
        redis = await startExternalRedis(folder, FIT, redis.port);
        await ready(service);
        assert.doesNotMatch(await metricsOf(service), /^lora_squeeze_degraded\{/m);
      } finally {
        admin.disconnect();
        assert.equal(await service.end(), 0, service.output());
        await redis.stop('SIGKILL');
      }
    }));

  it('is not ready while its storage cannot be read at all', () =>
    withFolder(async (folder) => {
      const storage = join(folder, 'storage');
      const service = await startService({ DATA_DIR: join(folder, 'data'), STORAGE_URL: `file:${storage}` });
      try {
        await ready(service);
        putFileInPlaceOf(storage);
        const { status, body } = await readiness(service);
        assert.equal(status, 503);
        assert.match(JSON.stringify(body), /STORAGE_FAILED.*ENOTDIR/);
        await rename(`${storage}`, `${storage}.wrong`);
        await rename(`${storage}.away`, storage);
        await ready(service);
      } finally {
        assert.equal(await service.end(), 0, service.output());
      }
    }));
});
