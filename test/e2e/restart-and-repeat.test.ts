import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { Client } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { commandLine, hasMapped } from './process-tree.ts';
import { type Service, startService } from './service.ts';
import { METHODS, type MethodName, sha256, targetsFor } from './squeezed.ts';
import { stackLayers } from './stack-layers.ts';

const onLinux = existsSync('/proc/self/stat');

describe('the service from start to stop and to start again', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-restart-'));
  const { dir } = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!;
  const stacked = stackLayers(dir, join(scratch, 'stacked'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  /** Runs `use` against a service on a data folder; then the service must stop cleanly. */
  async function withService<T>(
    folder: string,
    env: Record<string, string>,
    use: (client: Client, service: Service) => Promise<T>,
  ): Promise<T> {
    const service = await startService({
      dataDir: join(scratch, folder),
      env: { EXECUTION_PROVIDER: 'cpu', ...env },
    });
    let result: T;
    try {
      result = await use(new Client(service.url), service);
    } catch (error) {
      await service.stop().catch(() => {});
      throw error;
    }
    await service.stop();
    return result;
  }

  async function everything(client: Client, job: JobRecord) {
    assert.ok(job.request.kind === 'squeeze');
    const results = job.results.map(({ adapter_id }) => `/v1/adapters/${adapter_id}`);
    const paths = [
      `/v1/adapters/${job.request.adapter_id}`,
      `/v1/jobs/${job.id}`,
      `/v1/jobs/${job.id}/report`,
    ];
    return Promise.all([...paths, ...results].map((path) => client.json<unknown>(path)));
  }

  /** SHA-256 of every file of every result. */
  async function digests(client: Client, method: MethodName): Promise<string[]> {
    const { adapter } = await client.upload(stacked.dir);
    const job = await client.squeeze(adapter.id, targetsFor(adapter.ranks.max, method), { method });
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    const found: string[] = [];
    for (const { adapter_id } of job.results) {
      const { files } = await client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`);
      for (const { name } of files) {
        found.push(`${name} ${sha256(await client.bytes(`/v1/adapters/${adapter_id}/files/${name}`))}`);
      }
    }
    return found;
  }

  it('keeps adapters, jobs, reports and results over a restart', async () => {
    const { job, seen } = await withService('kept', {}, async (client) => {
      const { adapter } = await client.upload(dir);
      const job = await client.squeeze(adapter.id, [{ rank: 2 }, { energy: 0.9 }]);
      assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
      return { job, seen: await everything(client, job) };
    });
    await withService('kept', {}, async (client) => {
      assert.deepEqual(await everything(client, job), seen);
      const { status, adapter } = await client.upload(dir);
      assert.ok(job.request.kind === 'squeeze');
      assert.deepEqual([status, adapter.id], [200, job.request.adapter_id]);
      const again = await client.squeeze(adapter.id, [{ rank: 2 }, { energy: 0.9 }]);
      assert.deepEqual(
        again.results.map((result) => result.adapter_id),
        job.results.map((result) => result.adapter_id),
      );
    });
  });

  it('writes the same bytes on one thread and on two, on a fresh folder each, by every method', async () => {
    const byMethod = async (client: Client) => {
      const found: Record<string, string[]> = {};
      for (const method of METHODS) found[method] = await digests(client, method);
      return found;
    };
    const one = await withService('one thread', { COMPUTE_THREADS: '1' }, byMethod);
    const two = await withService('two threads', { COMPUTE_THREADS: '2' }, byMethod);
    assert.ok(one.exact!.length > 0 && one.rsvd!.length > 0);
    assert.notDeepEqual(one.exact, one.rsvd);
    assert.deepEqual(two, one);
  });

  it('answers probes while a job runs, and computes in another process', { skip: !onLinux }, async () => {
    await withService('probes', {}, async (client, service) => {
      const { adapter } = await client.upload(dir);
      assert.ok(
        service.children().some((child) => /redis|valkey/.test(commandLine(child))),
        'no private Redis among the children',
      );
      const running = client.squeeze(adapter.id, [{ rank: 4 }]);
      for (const probe of ['/livez', '/readyz', '/metrics', '/openapi.yaml']) {
        const response = await client.fetch(probe);
        assert.equal(response.status, 200, `${probe}: ${await response.text()}`);
      }
      assert.equal((await running).state, 'succeeded');
      const computes = service.children().filter((child) => hasMapped(child, 'onnxruntime'));
      assert.equal(computes.length, 1, 'one compute process');
      assert.ok(!hasMapped(service, 'onnxruntime'), 'the process that answers HTTP has loaded ONNX Runtime');
    });
  });

  it('does not disturb another service with a folder of its own', async () => {
    await withService('left', {}, (left) =>
      withService('right', {}, async (right) => {
        const { adapter } = await left.upload(dir);
        assert.equal((await right.fetch(`/v1/adapters/${adapter.id}`)).status, 404);
        const { status } = await right.upload(dir);
        assert.equal(status, 201);
        const jobs = await Promise.all([left, right].map((each) => each.squeeze(adapter.id, [{ rank: 2 }])));
        assert.deepEqual(
          jobs.map((job) => job.state),
          ['succeeded', 'succeeded'],
        );
        assert.equal(jobs[0]!.results[0]!.adapter_id, jobs[1]!.results[0]!.adapter_id);
      }),
    );
  });

  it('finishes after a restart what was queued before it', async () => {
    const id = await withService('queued', { SHUTDOWN_GRACE_MS: '0' }, async (client) => {
      const { adapter } = await client.upload(dir);
      const response = await client.postJob({
        kind: 'squeeze',
        adapter_id: adapter.id,
        targets: targetsFor(adapter.ranks.max, 'exact'),
      });
      assert.equal(response.status, 202);
      return ((await response.json()) as JobRecord).id;
    });
    const job = await withService('queued', {}, (client) => client.finished(id));
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    assert.ok(job.request.kind === 'squeeze');
    assert.equal(job.results.length, job.request.targets.length);
  });
});
