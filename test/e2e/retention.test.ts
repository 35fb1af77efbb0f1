import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { AdapterService } from '../../src/service/adapter-service.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import { tenantStore } from '../../src/service/workspaces.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { until } from '../queue/harness.ts';
import { Client, problemOf } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { type Service, startService } from './service.ts';
import { toldMetrics } from './told-metrics.ts';

const { dir } = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!;
const HOUR_SECONDS = 3_600;

describe('keeping for a time', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-retention-'));
  const storage = join(scratch, 'storage');
  let service: Service;
  let client: Client;
  /** The storage as another process of the deployment has it. */
  let store: DiskStore;
  before(async () => {
    service = await startService({
      dataDir: scratch,
      env: {
        EXECUTION_PROVIDER: 'cpu',
        SWEEP_INTERVAL_SECONDS: '1',
        JOB_TTL_SECONDS: String(HOUR_SECONDS),
        ADAPTER_TTL_SECONDS: String(2 * HOUR_SECONDS),
      },
    });
    client = new Client(service.url);
    store = await DiskStore.open(storage);
  });
  after(async () => {
    await store?.close();
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const secondsBetween = (from: string | null, to: string | null): number =>
    (Date.parse(to!) - Date.parse(from!)) / 1000;
  const status = async (path: string): Promise<number> => (await client.fetch(path)).status;
  const isGone = (path: string) =>
    until(`the end of ${path}`, async () => ((await status(path)) === 404 ? true : undefined));
  /** Folders are removed while it looks. */
  function blobs(): string[] {
    try {
      return readdirSync(join(storage, 'blobs'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.length === 64)
        .map((entry) => join(entry.parentPath, entry.name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return blobs();
      throw error;
    }
  }

  it('is what the configuration says where nobody says it, for jobs and their results', async () => {
    const { adapter } = await client.upload(dir);
    assert.equal(secondsBetween(adapter.created_at, adapter.expires_at), 2 * HOUR_SECONDS);
    const job = await client.squeeze(adapter.id, [{ rank: 2 }]);
    assert.equal(secondsBetween(job.finished_at, job.expires_at), HOUR_SECONDS);
    const result = await client.json<AdapterRecord>(`/v1/adapters/${job.results[0]!.adapter_id}`);
    assert.equal(secondsBetween(result.created_at, result.expires_at), 2 * HOUR_SECONDS);
    assert.deepEqual(result.labels, {}, 'a result inherits nothing but where it comes from');
    assert.deepEqual([result.parent_id, result.job_id], [adapter.id, job.id]);
  });

  it('ends by itself: adapters, jobs, and then the content that only they had', async () => {
    const { adapter } = await client.upload(dir);
    const job = await client.squeeze(adapter.id, [{ rank: 3 }], { seed: 7 });
    const resultId = job.results[0]!.adapter_id;
    const { adapters: all } = await client.json<{ adapters: AdapterRecord[] }>('/v1/adapters');
    const own = tenantStore(store, DEFAULT_TENANT);
    const adapters = new AdapterService(own, { of: async () => undefined });
    for (const { id } of all) await adapters.change(id, { ttlSeconds: id === resultId ? null : 0 });
    // As the command opens it beside the service.
    const database = await sqliteIn(scratch);
    await database.write((writer) =>
      writer
        .updateTable('job')
        .set({ expires_at: Date.now() - 1000 })
        .where('id', '=', job.id)
        .execute(),
    );
    await database.close();
    for (const { id } of all) if (id !== resultId) await isGone(`/v1/adapters/${id}`);
    await isGone(`/v1/jobs/${job.id}`);
    await isGone(`/v1/jobs/${job.id}/report`);
    const { jobs } = await client.json<{ jobs: JobRecord[] }>('/v1/jobs');
    assert.ok(!jobs.some(({ id }) => id === job.id));

    // The grace is five minutes at least: as if they had passed.
    const long = new Date(Date.now() - 2 * HOUR_SECONDS * 1000);
    for (const path of blobs()) utimesSync(path, long, long);
    const result = await client.json<AdapterRecord>(`/v1/adapters/${resultId}`);
    const kept = result.files.map(({ sha256 }) => sha256).sort();
    await until('an end of the rest', () => (blobs().length === kept.length ? true : undefined));
    assert.deepEqual(
      blobs()
        .map((path) => path.slice(-64))
        .sort(),
      kept,
    );
    for (const { name } of result.files) await client.bytes(`/v1/adapters/${resultId}/files/${name}`);
    const again = await client.upload(dir);
    assert.equal(again.status, 201, 'and it may come again');
    assert.equal((await client.squeeze(again.adapter.id, [{ rank: 2 }])).state, 'succeeded');
  });

  it('is told by metrics and by what a tenant uses', async () => {
    const text = await toldMetrics(
      async () => (await client.fetch('/metrics')).text(),
      /^lora_squeeze_sweeps_total\{outcome="done"\} [1-9]/m,
      /^lora_squeeze_swept_objects_total\{kind="adapter"\} [1-9]/m,
      /^lora_squeeze_swept_objects_total\{kind="job"\} [1-9]/m,
      /^lora_squeeze_swept_bytes_total\{kind="blob"\} [1-9]/m,
    );
    assert.doesNotMatch(text, /lora_squeeze_sweeps_total\{outcome="failed"\} [1-9]/);
    const { adapters } = await client.json<{ adapters: AdapterRecord[] }>('/v1/adapters');
    const bytes = adapters.reduce((sum, adapter) => sum + adapter.bytes, 0);
    const usage = await client.json<{ stored_bytes: number; adapters: number }>('/v1/usage');
    assert.deepEqual([usage.stored_bytes, usage.adapters], [bytes, adapters.length]);
    await until('the gauge', async () =>
      (await (await client.fetch('/metrics')).text()).includes(`lora_squeeze_stored_bytes ${bytes}\n`)
        ? true
        : undefined,
    );
  });

  it('is not needed: an adapter is removed when nothing reads it any more', async () => {
    const { adapters } = await client.json<{ adapters: AdapterRecord[] }>('/v1/adapters');
    for (const { id } of adapters) {
      const response = await client.fetch(`/v1/adapters/${id}`, { method: 'DELETE' });
      assert.equal(response.status, 204);
      const problem = await problemOf(await client.fetch(`/v1/adapters/${id}`));
      assert.equal(problem.code, 'ADAPTER_NOT_FOUND');
    }
    assert.deepEqual((await client.json<{ adapters: unknown[] }>('/v1/adapters')).adapters, []);
  });
});
