import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { WorkerRecord } from '../../src/contract/worker.ts';
import { noPostgres, testDatabase } from '../database/postgres-server.ts';
import { largeAdapter } from '../e2e/large-adapter.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { type ServiceProcess, startService } from './service-process.ts';

const ADMIN_KEY = 'administrator-of-this-drain-21';
/** A worker as the list shows it. */
interface Workers {
  readonly data: readonly WorkerRecord[];
}

const FILES = ['adapter_model.safetensors', 'adapter_config.json'];

/** Calls a service as its administrator. */
const caller = ({ url }: ServiceProcess) => ({
  json: async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...init.headers };
    const answer = await fetch(url + path, { ...init, headers });
    assert.ok(answer.ok, `${answer.status} ${path}`);
    return (await answer.json()) as T;
  },
});

async function adapterIn(folder: string): Promise<FormData> {
  const form = new FormData();
  for (const name of FILES) form.append(name, await openAsBlob(join(folder, name)), name);
  return form;
}

describe('a process that is drained', () => {
  it(
    'completes its long job, and exits with 0; another one does the waiting jobs',
    {
      skip: noPostgres,
    },
    (t) =>
      withFolder(async (folder) => {
        const redis = await startExternalRedis(folder, FIT);
        const shared = {
          ...{ DATA_DIR: folder, REDIS_URL: redis.url, DATABASE_URL: await testDatabase() },
          ...{ AUTH: 'keys', ADMIN_KEY, WORKER_CONCURRENCY: '1' },
        };
        const running: ChildProcess[] = [];
        t.after(() => {
          for (const child of running) child.kill('SIGKILL');
        });
        const start = async (ROLE: string): Promise<ServiceProcess> => {
          const service = await startService({ ...shared, ROLE });
          running.push(service.child);
          return service;
        };
        const api = await start('api');
        const { json } = caller(api);
        const worker = await start('worker');
        const exit = once(worker.child, 'exit');
        const body = await adapterIn(largeAdapter(join(folder, 'large')));
        const { id: adapter_id } = await json<{ id: string }>('/v1/adapters', { method: 'POST', body });
        const submit = (rank: number) =>
          json<JobRecord>('/v1/jobs', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ kind: 'squeeze', adapter_id, targets: [{ rank }], reuse: false }),
          });
        const job = ({ id }: JobRecord) => json<JobRecord>(`/v1/jobs/${id}`);
        const [first, second] = [await submit(2), await submit(3)];
        await until('a job that runs', async () => (await job(first)).state === 'active' || undefined);
        const { data } = await json<Workers>('/v1/workers');
        assert.deepEqual(
          data.map(({ slots, state }) => [slots, state]),
          [[1, 'active']],
        );

        const asked = await json<WorkerRecord>(`/v1/workers/${data[0]!.id}/drain`, { method: 'POST' });
        assert.equal(asked.state, 'draining');
        assert.deepEqual(await exit, [0, null], worker.output());
        const done = await job(first);
        assert.deepEqual([done.state, done.attempts], ['succeeded', 1]);
        assert.deepEqual([(await job(second)).state, (await job(second)).attempts], ['queued', 0]);
        assert.deepEqual((await json<Workers>('/v1/workers')).data, []);

        const next = await start('worker');
        await until(
          'the end of what waited',
          async () => (await job(second)).state === 'succeeded' || undefined,
        );
        for (const service of [next, api]) assert.equal(await service.end(), 0);
        await redis.stop();
      }),
  );

  it('continues to answer if it does more than jobs', () =>
    withFolder(async (DATA_DIR) => {
      const service = await startService({ DATA_DIR, AUTH: 'keys', ADMIN_KEY });
      const { json } = caller(service);
      const list = async () => (await json<Workers>('/v1/workers')).data;
      const [worker] = await until('its worker', async () => {
        const workers = await list();
        return workers.length > 0 ? workers : undefined;
      });
      await json(`/v1/workers/${worker!.id}/drain`, { method: 'POST' });
      await until('a drained worker', async () => (await list())[0]?.state === 'drained' || undefined);
      const body = await adapterIn(join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8'));
      assert.ok((await json<{ id: string }>('/v1/adapters', { method: 'POST', body })).id);
      assert.equal(await service.end(), 0);
    }));
});
