import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Readiness } from '../../src/contract/readiness.ts';
import { Client, problemOf } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { descendantsOf, hasMapped } from '../e2e/process-tree.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { until, withFolder } from '../queue/harness.ts';
import { SmallDisk } from './mounts.ts';

const RESERVE_BYTES = 4 * 2 ** 20;

describe('SQLite and its storage on one full disk', () => {
  it('permits deletions, lets jobs end, accepts nothing new, and continues when there is room', (t) =>
    withFolder(async (folder) => {
      const disk = SmallDisk.mount(join(folder, 'data'), '64m');
      if (typeof disk === 'string') return t.skip(disk);
      const env = { DATA_DIR: disk.folder, RESERVE_BYTES: String(RESERVE_BYTES), LOG_LEVEL: 'info' };
      let service: ServiceProcess | undefined;
      const goOn = new Set<number>();
      try {
        service = await startService(env);
        const client = new Client(service.url);
        const [first, second] = fixtureAdapters().map(({ dir }) => dir);
        const { adapter } = await client.upload(first!);
        const other = (await client.upload(second!)).adapter;
        const done = await client.squeeze(adapter.id, [{ rank: 1 }]);
        assert.equal(done.state, 'succeeded');
        const reserve = () => statSync(join(disk.folder, 'reserve'), { throwIfNoEntry: false })?.size;
        await until('the reserve', () => (reserve() === RESERVE_BYTES ? true : undefined));

        const put = await client.fetch('/v1/uploads/upload-0001?filename=adapter_config.json', {
          method: 'PUT',
          headers: { 'content-type': 'application/octet-stream' },
          body: '{}',
        });
        assert.equal(put.status, 201, await put.text());

        const compute = descendantsOf(service.child.pid!).filter((one) => hasMapped(one, 'onnxruntime'));
        assert.ok(compute.length > 0);
        for (const { pid } of compute) {
          process.kill(pid, 'SIGSTOP');
          goOn.add(pid);
        }
        const running = await post(client, adapter.id, 2);
        await until('its begin', async () => {
          const { state } = await client.json<JobRecord>(`/v1/jobs/${running}`);
          return state === 'active' || undefined;
        });
        const waiting = await post(client, adapter.id, 3);
        disk.fill();
        // The first request notices; from then on it is known.
        const refused = await until('the first refusal', async () => {
          const response = await client.postJob(request(adapter.id, 4));
          return response.ok ? undefined : problemOf(response);
        });
        assert.deepEqual([refused.status, refused.code], [507, 'STORAGE_FULL']);
        assert.match(refused.detail, new RegExp(`Until ${2 * RESERVE_BYTES} bytes are free`));
        assert.equal(reserve(), undefined);
        assert.equal((await problemOf(await client.postAdapter({}))).code, 'STORAGE_FULL');
        const { status, reasons } = await readiness(service);
        assert.equal(status, 'degraded');
        assert.ok(reasons.some(({ part, code }) => part === 'database' && code === 'STORAGE_FULL'));

        for (const pid of goOn) process.kill(pid, 'SIGCONT');
        goOn.clear();
        assert.equal((await client.finished(running)).state, 'succeeded');
        for (const path of [`/v1/jobs/${done.id}`, `/v1/adapters/${other.id}`, '/v1/uploads/upload-0001']) {
          const headers = { 'tus-resumable': '1.0.0' };
          const response = await client.fetch(path, { method: 'DELETE', headers });
          assert.equal(response.status, 204, `${path}: ${await response.text()}`);
          assert.equal((await client.fetch(path)).status, 404);
        }
        const message = 'this worker takes no jobs until it is back';
        await until('a worker that takes nothing', () => service!.output().includes(message) || undefined);

        // It is the same after a start on the full disk.
        assert.equal(await service.end('SIGKILL'), null);
        service = await startService(env);
        const again = new Client(service.url);
        assert.equal((await again.json<JobRecord>(`/v1/jobs/${running}`)).state, 'succeeded');
        // The job may be accepted, but is not done.
        assert.match((await again.json<JobRecord>(`/v1/jobs/${waiting}`)).state, /^(queued|active)$/);
        assert.equal((await problemOf(await again.postJob(request(adapter.id, 4)))).code, 'STORAGE_FULL');

        await disk.free();
        const accepted = await until('a job', async () => {
          const response = await again.postJob(request(adapter.id, 5));
          return response.ok ? ((await response.json()) as JobRecord).id : undefined;
        });
        assert.equal(reserve(), RESERVE_BYTES);
        for (const id of [waiting, accepted]) assert.equal((await again.finished(id)).state, 'succeeded');
        assert.equal((await readiness(service)).status, 'ready');
      } finally {
        // A suspended process would keep the output of the service open forever.
        for (const pid of goOn) process.kill(pid, 'SIGKILL');
        assert.equal(await service?.end(), 0, service?.output());
        disk.unmount();
      }
    }));
});

const request = (adapterId: string, rank: number) => ({
  ...{ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank }], reuse: false },
});

async function post(client: Client, adapterId: string, rank: number): Promise<string> {
  return ((await (await client.postJob(request(adapterId, rank))).json()) as JobRecord).id;
}

const readiness = async ({ url }: ServiceProcess): Promise<Readiness> =>
  (await (await fetch(`${url}/readyz`)).json()) as Readiness;
