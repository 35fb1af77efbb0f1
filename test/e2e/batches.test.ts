import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { BatchItemList } from '../../src/contract/batch-item.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until } from '../queue/harness.ts';
import { Client, problemOf } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { isAlive } from './process-tree.ts';
import { type Service, startService } from './service.ts';

/** Much more than a busy machine needs; only a batch that never ends takes so long. */
const BATCH_LIMIT_MS = 300_000;

describe('batches of real squeezes', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-batches-'));
  const ids: string[] = [];
  let redis: ExternalRedis;
  let service: Service;
  let client: Client;
  const start = async () => {
    service = await startService({
      dataDir: join(scratch, 'data'),
      env: { EXECUTION_PROVIDER: 'cpu', REDIS_URL: redis.url },
    });
    client = new Client(service.url);
  };
  before(async () => {
    redis = await startExternalRedis(scratch, FIT);
    await start();
    for (const { dir } of fixtureAdapters()) ids.push((await client.upload(dir)).adapter.id);
  });
  after(async () => {
    await service?.stop();
    await redis?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const submit = async (request: object): Promise<BatchRecord> => {
    const response = await client.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    // 200 if all of it had been done before.
    assert.ok(response.status === 202 || response.status === 200, await response.clone().text());
    const batch = (await response.json()) as BatchRecord;
    assert.equal(response.headers.get('location'), `/v1/batches/${batch.id}`);
    return batch;
  };
  const get = (id: string) => client.json<BatchRecord>(`/v1/batches/${id}`);
  const itemsOf = async (id: string) =>
    (await client.json<BatchItemList>(`/v1/batches/${id}/items?limit=200`)).data;
  const ended = (id: string) =>
    until(
      `the end of ${id}`,
      async () => {
        const batch = await get(id);
        return batch.finished_at === null ? undefined : batch;
      },
      BATCH_LIMIT_MS,
    );
  const killed = async () => {
    const children = service.children();
    process.kill(service.pid, 'SIGKILL');
    await until('the end of its processes', () => !children.some(isAlive));
  };

  it('squeeze every adapter to every target, and link to the results', async () => {
    const { id } = await submit({ adapter_ids: ids, targets: [{ rank: 2 }, { rank: 1 }] });
    const batch = await ended(id);
    assert.deepEqual([batch.state, batch.counts.succeeded], ['succeeded', ids.length]);
    const items = await itemsOf(id);
    for (const [i, job] of items.entries()) {
      assert.deepEqual([job.index, job.adapter_id, job.results.length], [i, ids[i], 2]);
      const record = await client.json<JobRecord>(job.job_href!);
      assert.deepEqual(
        [record.batch_id, succeededResults(record).map(({ adapter_id }) => adapter_id)],
        [id, job.results.map(({ adapter_id }) => adapter_id)],
      );
      for (const { href } of job.results) assert.equal((await client.fetch(href)).status, 200);
    }
    const again = await submit({ adapter_ids: ids, targets: [{ rank: 2 }, { rank: 1 }] });
    assert.equal(again.state, 'succeeded', 'what was done before is there at once');
    const made = new Set(items.flatMap(({ results }) => results.map(({ adapter_id }) => adapter_id)));
    for (const { job_href, results } of await itemsOf(again.id)) {
      assert.equal((await client.json<JobRecord>(job_href!)).reused, true);
      for (const { adapter_id } of results) assert.ok(!made.has(adapter_id), 'results of its own');
    }
  });

  it('end when some jobs fail, which can be retried', async () => {
    const { id } = await submit({
      jobs: [
        { kind: 'squeeze', adapter_id: ids[0], targets: [{ rank: 3 }] },
        { kind: 'squeeze', adapter_id: ids[0], targets: [{ budget_bytes: 1 }] },
        { kind: 'analyze', adapter_id: ids[1] },
      ],
    });
    const batch = await ended(id);
    assert.deepEqual(
      [batch.state, (await itemsOf(id)).map(({ error }) => error?.code)],
      ['partial', [undefined, 'BUDGET_TOO_SMALL', undefined]],
    );
    const retried = await client.fetch(`/v1/batches/${id}/retry`, { method: 'POST' });
    const again = await ended(((await retried.json()) as BatchRecord).id);
    assert.deepEqual([again.retry_of, again.counts.failed, again.progress.total], [id, 1, 1]);
    assert.equal((await client.fetch(`/v1/batches/${id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await problemOf(await client.fetch(`/v1/batches/${id}`))).code, 'BATCH_NOT_FOUND');
    const text = await (await client.fetch('/metrics')).text();
    for (const state of ['partial', 'failed'])
      assert.match(text, new RegExp(`^lora_squeeze_batches_total\\{state="${state}"\\} 1$`, 'm'));
  });

  it('are cancelled, and keep what had already ended', async () => {
    const jobs = Array.from({ length: 60 }, (_, seed) => ({
      kind: 'squeeze',
      adapter_id: ids[seed % ids.length],
      targets: [{ rank: 2 }],
      options: { seed: seed + 1 },
    }));
    const { id } = await submit({ jobs });
    await until('some that ended', async () => (await get(id)).progress.done > 0);
    const response = await client.fetch(`/v1/batches/${id}/cancel`, { method: 'POST' });
    assert.deepEqual([response.status, ((await response.json()) as BatchRecord).state], [200, 'cancelled']);
    const batch = await ended(id);
    assert.equal(batch.state, 'cancelled');
    assert.ok(batch.counts.succeeded > 0 && batch.counts.cancelled > 0, JSON.stringify(batch.counts));
    assert.equal(batch.counts.succeeded + batch.counts.cancelled, 60);
    for (const { state, results } of await itemsOf(id))
      assert.equal(results.length, state === 'succeeded' ? 1 : 0);
  });

  it('survive the death of the service and the loss of everything in Redis', async () => {
    const jobs = Array.from({ length: 12 }, (_, seed) => ({
      kind: 'squeeze',
      adapter_id: ids[seed % ids.length],
      targets: [{ rank: 2 }],
      options: { seed: seed + 100 },
    }));
    const { id } = await submit({ jobs });
    await until('one that ended', async () => (await get(id)).progress.done > 0);
    await killed();
    const connection = new Redis(redis.url);
    await connection.flushall();
    connection.disconnect();
    await start();
    const batch = await ended(id);
    assert.deepEqual([batch.state, batch.counts.succeeded], ['succeeded', jobs.length]);
  });
});
