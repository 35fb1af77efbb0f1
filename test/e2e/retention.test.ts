import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import { AdapterStore } from '../../src/resources/adapters/store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { until } from '../queue/harness.ts';
import { Client, problemOf } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { type Service, startService } from './service.ts';
import { waitForMetrics } from './wait-for-metrics.ts';

const { dir } = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!;
const HOUR_SECONDS = 3_600;

describe('retention', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-retention-'));
  const storage = join(scratch, 'storage');
  let service: Service;
  let client: Client;
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
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Whole seconds: the clock of the database decides when a record expires. */
  /** The time to live may begin a moment after the record was made. */
  const assertLives = (from: string | null, to: string | null, seconds: number): void => {
    const lived = (Date.parse(to!) - Date.parse(from!)) / 1000;
    assert.ok(lived >= seconds && lived < seconds + 60, `${lived} s instead of ${seconds}`);
  };
  const status = async (path: string): Promise<number> => (await client.fetch(path)).status;
  const isGone = (path: string) =>
    until(`the end of ${path}`, async () => ((await status(path)) === 404 ? true : undefined));
  /** Ids of the content in the storage. Folders may be removed meanwhile. */
  function stored(): string[] {
    try {
      return readdirSync(join(storage, 'content'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return stored();
      throw error;
    }
  }

  it('follows the configuration if requests specify nothing, for jobs and their results', async () => {
    const { adapter } = await client.upload(dir);
    assertLives(adapter.created_at, adapter.expires_at, 2 * HOUR_SECONDS);
    const job = await client.squeeze(adapter.id, [{ rank: 2 }]);
    assertLives(job.finished_at, job.expires_at, HOUR_SECONDS);
    const result = await client.json<AdapterRecord>(`/v1/adapters/${succeededResults(job)[0]!.adapter_id}`);
    assertLives(result.created_at, result.expires_at, 2 * HOUR_SECONDS);
    assert.deepEqual(result.labels, {}, 'a result inherits nothing but where it comes from');
    assert.deepEqual([result.parent_id, result.job_id], [adapter.id, job.id]);
  });

  it('removes adapters, jobs, and then the content that only they had', async () => {
    const { adapter } = await client.upload(dir);
    const job = await client.squeeze(adapter.id, [{ rank: 3 }], { seed: 7 });
    const resultId = succeededResults(job)[0]!.adapter_id;
    const { data: all } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters');
    // As the command opens the database beside the service.
    const database = await sqliteIn(scratch);
    const adapters = new AdapterStore(database, DEFAULT_TENANT);
    for (const { id } of all) await adapters.change(id, { ttlSeconds: id === resultId ? null : 0 });
    await database.write((writer) =>
      writer
        .updateTable('job')
        .set({ expires_at: Date.now() - 1000 })
        .where('id', '=', job.id)
        .execute(),
    );
    for (const { id } of all) if (id !== resultId) await isGone(`/v1/adapters/${id}`);
    await isGone(`/v1/jobs/${job.id}`);
    await isGone(`/v1/jobs/${job.id}/report`);
    const { data: jobs } = await client.json<{ data: JobRecord[] }>('/v1/jobs');
    assert.ok(!jobs.some(({ id }) => id === job.id));

    // The grace period is at least five minutes: the test pretends that it has passed.
    const releasedAt = Date.now() - 2 * HOUR_SECONDS * 1000;
    await database.write((writer) =>
      writer
        .updateTable('content')
        .set({ released_at: releasedAt })
        .where('released_at', 'is not', null)
        .execute(),
    );
    const result = await client.json<AdapterRecord>(`/v1/adapters/${resultId}`);
    const rows = () =>
      database.reader
        .selectFrom('content')
        .select(['id', 'sha256', 'inline', 'state', 'released_at'])
        .execute();
    await until('an end of the rest', async () =>
      (await rows()).every(({ state, released_at }) => state === 'stored' && released_at === null)
        ? true
        : undefined,
    );
    const left = await rows();
    assert.ok(!left.some(({ sha256 }) => sha256 === adapter.sha256), 'the weights that only it had');
    for (const { sha256 } of result.files) assert.ok(left.some((row) => row.sha256 === sha256));
    const ids = left.filter(({ inline }) => inline === null).map(({ id }) => id);
    await until('an end of their bytes', () => (stored().join() === ids.sort().join() ? true : undefined));
    await database.close();
    for (const { name } of result.files) await client.bytes(`/v1/adapters/${resultId}/files/${name}`);
    const again = await client.upload(dir);
    assert.equal(again.status, 201, 'and it may come again');
    assert.equal((await client.squeeze(again.adapter.id, [{ rank: 2 }])).state, 'succeeded');
  });

  it("is visible in metrics and in a tenant's usage", async () => {
    const text = await waitForMetrics(
      async () => (await client.fetch('/metrics')).text(),
      /^lora_squeeze_sweeps_total\{outcome="done"\} [1-9]/m,
      /^lora_squeeze_swept_objects_total\{kind="adapter"\} [1-9]/m,
      /^lora_squeeze_swept_objects_total\{kind="job"\} [1-9]/m,
      /^lora_squeeze_swept_bytes_total\{kind="blob"\} [1-9]/m,
    );
    assert.doesNotMatch(text, /lora_squeeze_sweeps_total\{outcome="failed"\} [1-9]/);
    const { data: adapters } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters');
    const bytes = adapters.reduce((sum, adapter) => sum + adapter.bytes, 0);
    const usage = await client.json<{ stored_bytes: number; adapters: number }>('/v1/usage');
    assert.deepEqual([usage.stored_bytes, usage.adapters], [bytes, adapters.length]);
    await until('the gauge', async () =>
      (await (await client.fetch('/metrics')).text()).includes(`lora_squeeze_stored_bytes ${bytes}\n`)
        ? true
        : undefined,
    );
  });

  it('is not needed to delete: an adapter is removed when no job reads it any more', async () => {
    const { data: adapters } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters');
    for (const { id } of adapters) {
      const response = await client.fetch(`/v1/adapters/${id}`, { method: 'DELETE' });
      assert.equal(response.status, 204);
      const problem = await problemOf(await client.fetch(`/v1/adapters/${id}`));
      assert.equal(problem.code, 'ADAPTER_NOT_FOUND');
    }
    assert.deepEqual((await client.json<{ data: unknown[] }>('/v1/adapters')).data, []);
  });
});
