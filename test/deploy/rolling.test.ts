import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { type Service, startService } from '../e2e/service.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';

const JOBS = 24;
const COUNT_LIMIT_MS = 5_000;

/** Jobs that a process has ended, by its own count. */
async function endedBy({ url }: Service): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^lora_squeeze_jobs_total\{[^}]*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('a deployment of several processes', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-rolling-'));
  const running = new Set<Service>();
  let redis: ExternalRedis;
  let started = 0;

  before(async () => {
    redis = await startExternalRedis(scratch, FIT);
  });
  after(async () => {
    for (const service of running) await service.stop();
    await redis?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function start(role: 'api' | 'worker'): Promise<Service> {
    const service = await startService({
      dataDir: join(scratch, `process-${++started}`),
      env: {
        ROLE: role,
        REDIS_URL: redis.url,
        STORAGE_URL: `file:${join(scratch, 'storage')}`,
        EXECUTION_PROVIDER: 'cpu',
        COMPUTE_THREADS: '1',
      },
    });
    running.add(service);
    return service;
  }

  async function stop(service: Service): Promise<void> {
    running.delete(service);
    await service.stop();
  }

  it('is replaced process by process, under load, without losing or repeating a job', async () => {
    const [oldApi, oldWorker] = await Promise.all([start('api'), start('worker')]);
    const client = new Client(oldApi.url);
    const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
    const queueSome = () =>
      Promise.all(
        Array.from({ length: JOBS / 2 }, async () => {
          const targets = [{ rank: 2 }, { energy: 0.9 }];
          const response = await client.postJob({
            kind: 'squeeze',
            adapter_id: adapter.id,
            targets,
            reuse: false,
          });
          assert.equal(response.status, 202);
          return ((await response.json()) as JobRecord).id;
        }),
      );

    // Workers first, then the API, each new one before the old one goes: docs/deploy.md.
    const ids = await queueSome();
    const newWorker = await start('worker');
    await stop(oldWorker);
    ids.push(...(await queueSome()));
    const newApi = await start('api');
    await stop(oldApi);

    const after = new Client(newApi.url);
    for (const id of ids) {
      const job = await after.finished(id);
      assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
      assert.equal(job.attempts, 1, `${id} was begun ${job.attempts} times`);
      assert.equal(job.results.length, 2);
    }
    assert.ok((await endedBy(newWorker)) > 0);
  });

  it('shares the queue among its workers', async () => {
    const api = await start('api');
    await start('worker');
    const client = new Client(api.url);
    const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
    const before = await Promise.all([...running].map(endedBy));
    const posted = await Promise.all(
      Array.from({ length: JOBS }, () =>
        client
          .postJob({ kind: 'analyze', adapter_id: adapter.id, reuse: false })
          .then((response) => response.json()),
      ),
    );
    for (const { id } of posted as JobRecord[]) assert.equal((await client.finished(id)).state, 'succeeded');
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    let done: number[];
    // A process counts a job a moment after its end can be read.
    for (const limitMs = Date.now() + COUNT_LIMIT_MS; ; await sleep(50)) {
      done = (await Promise.all([...running].map(endedBy))).map((count, i) => count - before[i]!);
      if (sum(done) === JOBS || Date.now() > limitMs) break;
    }
    assert.equal(sum(done), JOBS);
    assert.equal(done.filter((count) => count > 0).length, 2, `jobs by process: ${done}`);
  });
});
