import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { until } from '../queue/harness.ts';
import { Client, problemOf } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { largeAdapter } from './large-adapter.ts';
import { isAlive } from './process-tree.ts';
import { type Service, startService } from './service.ts';

/** This many targets of an exact decomposition keep two cores busy for many seconds. */
const MANY_TARGETS = Array.from({ length: 16 }, (_, i) => ({ rank: 128 + i }));

/** Only prevents hanging. */
const IDLE_LIMIT_MS = 300_000;

describe('jobs under control', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-control-'));
  const dataDir = join(scratch, 'data');
  const { dir } = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!;
  let service: Service;
  let client: Client;
  let small: AdapterRecord;
  let large: AdapterRecord;
  const start = async () => {
    service = await startService({ dataDir, env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
  };
  before(async () => {
    await start();
    small = (await client.upload(dir)).adapter;
    large = (await client.upload(largeAdapter(join(scratch, 'large'), 24))).adapter;
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const post = (path: string) => client.fetch(path, { method: 'POST' });
  const submit = async (request: object): Promise<JobRecord> => {
    const response = await client.postJob(request);
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as JobRecord;
  };
  const longJob = (seed: number) =>
    submit({
      kind: 'squeeze',
      adapter_id: large.id,
      targets: MANY_TARGETS,
      options: { method: 'exact', seed },
    });
  const adapterIds = async (): Promise<string[]> => {
    const { data: adapters } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters?limit=200');
    return adapters.map(({ id }) => id).sort();
  };
  const activeJobs = async (): Promise<number> => {
    const text = await (await client.fetch('/metrics')).text();
    return Number(/^lora_squeeze_queue_jobs\{state="active"\} (\d+)$/m.exec(text)?.[1]);
  };
  /** Polls less often than `until`, because this may take as long as the lock of a killed worker. */
  const idleWorker = async (): Promise<void> => {
    for (const deadline = Date.now() + IDLE_LIMIT_MS; (await activeJobs()) !== 0; await sleep(50))
      assert.ok(Date.now() < deadline, 'a worker is still at work');
  };
  const computing = (job: JobRecord) =>
    until('work on the job', async () => {
      const { state, progress } = await client.json<JobRecord>(`/v1/jobs/${job.id}`);
      assert.ok(state === 'queued' || state === 'active', state);
      return state === 'active' && progress.phase !== 'waiting' && progress.done > 0;
    });

  it('stops a job during the computation, and leaves nothing of it', async () => {
    const before = await adapterIds();
    const job = await longJob(1);
    await computing(job);
    const response = await post(`/v1/jobs/${job.id}/cancel`);
    const cancelled = (await response.json()) as JobRecord;
    assert.deepEqual([response.status, cancelled.state, cancelled.attempts], [200, 'cancelled', 1]);
    await idleWorker();
    assert.deepEqual(await adapterIds(), before);
    assert.deepEqual(await client.json(`/v1/jobs/${job.id}`), cancelled);
    assert.equal((await problemOf(await client.fetch(`/v1/jobs/${job.id}/report`))).code, 'REPORT_NOT_READY');
    const next = await client.squeeze(small.id, [{ rank: 2 }]);
    assert.deepEqual([next.state, next.attempts], ['succeeded', 1]);
    const text = await (await client.fetch('/metrics')).text();
    assert.match(text, /^lora_squeeze_jobs_total\{kind="squeeze",state="cancelled",tenant="default"\} 1$/m);
  });

  it('gives a job one outcome, whenever it is cancelled', async () => {
    /** If the moment was missed, the next one is used, which is as good. */
    const moments: ((job: JobRecord) => boolean)[] = [
      () => true,
      ({ state }) => state !== 'queued',
      ({ progress }) => progress.phase !== 'waiting',
      ({ finished_at, progress }) => finished_at !== null || progress.done > 0,
      ({ finished_at }) => finished_at !== null,
    ];
    for (const isThere of moments) {
      const job = await submit({
        kind: 'squeeze',
        adapter_id: small.id,
        targets: [{ rank: 2 }],
        reuse: false,
      });
      await until('the moment', async () => isThere(await client.json<JobRecord>(`/v1/jobs/${job.id}`)));
      const response = await post(`/v1/jobs/${job.id}/cancel`);
      const body = (await response.json()) as JobRecord;
      const ended = await client.finished(job.id);
      if (response.status === 200) assert.deepEqual([ended, ended.results], [body, []]);
      else assert.deepEqual([response.status, ended.state, ended.results.length], [409, 'succeeded', 1]);
      await idleWorker();
      assert.deepEqual(await client.json(`/v1/jobs/${job.id}`), ended);
    }
  });

  it('stays cancelled if the service is killed at that moment', async () => {
    const before = await adapterIds();
    const job = await longJob(2);
    await computing(job);
    const cancelled = (await (await post(`/v1/jobs/${job.id}/cancel`)).json()) as JobRecord;
    const children = service.children();
    process.kill(service.pid, 'SIGKILL');
    await until('the end of its processes', () => !children.some(isAlive));
    await start();
    assert.deepEqual(await client.json(`/v1/jobs/${job.id}`), cancelled);
    // What Redis knew of it has no effect.
    await idleWorker();
    assert.equal((await client.squeeze(small.id, [{ rank: 2 }])).state, 'succeeded');
    assert.deepEqual(await client.json(`/v1/jobs/${job.id}`), cancelled);
    const known = new Set(await adapterIds());
    for (const id of before) assert.ok(known.has(id));
    assert.ok(known.size <= before.length + 1, 'nothing but the result of the small job');
  });

  it('is done once for equal requests, each of which gets its own results', async () => {
    const request = { kind: 'squeeze', adapter_id: small.id, targets: [{ rank: 3 }] };
    const first = await client.finished((await submit(request)).id);
    const again = await client.postJob({ ...request, options: { seed: 0 } });
    assert.equal(again.status, 200);
    const reused = (await again.json()) as JobRecord;
    assert.deepEqual([reused.state, reused.reused], ['succeeded', true]);
    assert.notEqual(reused.id, first.id);
    assert.notEqual(succeededResults(reused)[0]!.adapter_id, succeededResults(first)[0]!.adapter_id);
    assert.deepEqual(await client.contents(reused), await client.contents(first));
    const fresh = await client.finished((await submit({ ...request, reuse: false })).id);
    assert.notEqual(fresh.id, first.id);
    assert.deepEqual(await client.contents(fresh), await client.contents(first));
    const remove = async (job: JobRecord) =>
      (await client.fetch(`/v1/adapters/${succeededResults(job)[0]!.adapter_id}`, { method: 'DELETE' }))
        .status;
    assert.equal(await remove(first), 204);
    assert.deepEqual(await client.contents(reused), await client.contents(fresh), 'others keep theirs');
  });

  it('is retried after a failure, and deleted', async () => {
    const failed = await client.finished(
      (await submit({ kind: 'squeeze', adapter_id: small.id, targets: [{ budget_bytes: 1 }] })).id,
    );
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'BUDGET_TOO_SMALL']);
    const response = await post(`/v1/jobs/${failed.id}/retry`);
    assert.equal(response.status, 202);
    const again = await client.finished(((await response.json()) as JobRecord).id);
    assert.deepEqual([again.retry_of, again.error?.code], [failed.id, 'BUDGET_TOO_SMALL']);
    const removed = await client.fetch(`/v1/jobs/${failed.id}`, { method: 'DELETE' });
    assert.equal(removed.status, 204);
    assert.equal((await problemOf(await client.fetch(`/v1/jobs/${failed.id}`))).code, 'JOB_NOT_FOUND');
    assert.equal((await client.json<JobRecord>(`/v1/jobs/${again.id}`)).id, again.id);
  });
});
