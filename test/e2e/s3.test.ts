import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { create, filesUnder, idOf, largeAdapter, makeAdapter, patch } from '../http/uploads-tools.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { startCountingProxy } from '../storage/counting-proxy.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { Client, readAdapterFiles } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { startService } from './service.ts';

const { dir } = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!;

describe('the service on object storage', { skip: motoIsMissing() ?? false }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-s3-'));
  let server: S3Server;
  before(async () => {
    server = await startMoto();
  });
  after(async () => {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Runs `use` with a service whose blobs are under the prefix; then it must stop cleanly. */
  async function withService<T>(
    folder: string,
    prefix: string,
    env: Record<string, string>,
    use: (client: Client, dataDir: string) => Promise<T>,
  ): Promise<T> {
    const dataDir = join(scratch, folder);
    const service = await startService({
      dataDir,
      env: {
        EXECUTION_PROVIDER: 'cpu',
        ...server.env,
        STORAGE_URL: `s3://${BUCKET}/${prefix}`,
        S3_FORCE_PATH_STYLE: 'true',
        ...env,
      },
    });
    try {
      const result = await use(new Client(service.url), dataDir);
      assert.ok(!service.log().includes(server.env.AWS_SECRET_ACCESS_KEY!), 'a secret is in the log');
      return result;
    } finally {
      await service.stop();
    }
  }

  /** Every file of every result. */
  async function bytesOf(client: Client, jobId: string): Promise<Buffer[]> {
    const job = await client.finished(jobId);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    const contents: Buffer[] = [];
    for (const { adapter_id } of succeededResults(job)) {
      const { files } = await client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`);
      for (const { name } of files) {
        contents.push(await client.bytes(`/v1/adapters/${adapter_id}/files/${name}`));
      }
    }
    return contents;
  }

  /**
   * An upload in parts, which are on the disk of the process that receives them until the last one arrives.
   */
  async function becomesAdapter(client: Client, dataDir: string): Promise<void> {
    const { weights, config } = largeAdapter(12_000_000);
    const half = Math.floor(weights.length / 2);
    const path = await create(client, weights.length);
    await patch(client, path, 0, weights.subarray(0, half));
    assert.ok(filesUnder(join(dataDir, 's3/uploads')).length > 0);
    await patch(client, path, half, weights.subarray(half));
    const made = await makeAdapter(client, idOf(path), JSON.parse(config.toString()));
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = (await made.json()) as AdapterRecord;
    const file = await client.bytes(`/v1/adapters/${id}/files/adapter_model.safetensors`);
    assert.ok(file.equals(weights));
    assert.deepEqual(filesUnder(join(dataDir, 's3/uploads')), []);
  }

  it('keeps uploads, jobs and results over a restart, and over the loss of the machines', async () => {
    const redis: ExternalRedis = await startExternalRedis(scratch, FIT);
    const shared = { REDIS_URL: redis.url, DATABASE_URL: await testDatabase() };
    const made = await withService('api', 'kept', { ...shared, ROLE: 'api' }, (client, apiDir) =>
      withService('worker', 'kept', { ...shared, ROLE: 'worker' }, async (_probes, workerDir) => {
        const { adapter } = await client.upload(dir);
        const job = await client.squeeze(adapter.id, [{ rank: 2 }, { energy: 0.9 }]);
        const again = await client.squeeze(adapter.id, [{ rank: 4 }]);
        const results = await bytesOf(client, job.id);
        assert.ok(results.length >= 4);
        assert.ok((await bytesOf(client, again.id)).length >= 2);
        const { modules } = await client.json<{ modules: unknown[] }>(`/v1/adapters/${adapter.id}/modules`);
        assert.equal(modules.length, adapter.modules);
        for (const dataDir of [apiDir, workerDir]) {
          assert.ok(!existsSync(join(dataDir, 'storage')), 'nothing is kept on the disk');
          assert.ok(readdirSync(join(dataDir, 's3/cache')).length > 0);
        }
        await becomesAdapter(client, apiDir);
        return { jobId: job.id, adapterId: adapter.id, results };
      }),
    ).finally(() => redis.stop());

    // A folder with old copies, and the folder of a new machine.
    const { DATABASE_URL } = shared;
    for (const folder of ['api', 'another']) {
      await withService(folder, 'kept', { DATABASE_URL }, async (client) => {
        assert.deepEqual(await bytesOf(client, made.jobId), made.results);
        assert.equal((await client.report(made.jobId)).job_id, made.jobId);
        const { weights } = readAdapterFiles(dir);
        const path = `/v1/adapters/${made.adapterId}/files/adapter_model.safetensors`;
        const whole = await client.bytes(path);
        assert.ok(whole.equals(weights));
        const response = await client.fetch(path, { headers: { range: 'bytes=1000-1999' } });
        assert.equal(response.status, 206);
        assert.ok(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(1000, 2000)));
        const again = await client.upload(dir);
        assert.equal(again.adapter.content_known, true);
        assert.ok((await client.bytes(`/v1/adapters/${made.adapterId}/archive`)).byteLength > 0);
      });
    }
  });

  it('needs at most twelve requests to the store for a job, from its acceptance to its result', async () => {
    const proxy = await startCountingProxy(server.url);
    try {
      await withService('counted', 'counted', { AWS_ENDPOINT_URL_S3: proxy.url }, async (client) => {
        const { adapter } = await client.upload(dir);
        await client.squeeze(adapter.id, [{ rank: 4 }]);
        proxy.requests.length = 0;
        await client.squeeze(adapter.id, [{ rank: 2 }, { rank: 3 }]);
        const { requests } = proxy;
        assert.ok(requests.length <= 12, requests.join('\n'));
        assert.equal(
          requests.filter((one) => one.startsWith('PUT ')).length,
          requests.length,
          requests.join('\n'),
        );
      });
    } finally {
      await proxy.close();
    }
  });
});
