import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Target } from '../../src/contract/target.ts';
import { Client } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { commandLine, hasMapped } from './process-tree.ts';
import { succeed } from './run-job.ts';
import { type Service, startService } from './service.ts';
import { ENERGY, METHODS, type MethodName, sha256, targetsFor } from './squeezed.ts';
import { stackLayers } from './stack-layers.ts';

const onLinux = existsSync('/proc/self/stat');

/** Together they decompose, choose ranks, project and round. */
const targetsOf = (method: MethodName): Target[] => [
  { rank: 16 },
  { rank: 2, dtype: 'bfloat16' },
  // Only the exact method knows the whole spectrum, so with such a target no job would use a sketch.
  ...(method === 'exact' ? [{ energy: ENERGY, uniform: false }] : []),
];

describe('the service from startup to its end, and after a restart', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-restart-'));
  const folderOf = (name: string) => fixtureAdapters().find((each) => each.name === name)!.dir;
  const dir = folderOf('peft-gpt2-mycguo');
  const withHead = folderOf('peft-gpt2-deepbiolab');
  const stacked = stackLayers(dir, join(scratch, 'stacked'));
  let left: Service;
  let right: Service;

  /** It hands back its running job as soon as it has to stop. */
  const startLeft = () => start('left', { COMPUTE_THREADS: '1', SHUTDOWN_GRACE_MS: '0' });
  const start = (folder: string, env: Record<string, string>): Promise<Service> =>
    startService({ dataDir: join(scratch, folder), env: { EXECUTION_PROVIDER: 'cpu', ...env } });

  before(async () => {
    [left, right] = await Promise.all([startLeft(), start('right', { COMPUTE_THREADS: '2' })]);
  });
  after(async () => {
    try {
      await Promise.all([left, right].map((service) => service?.stop()));
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  async function everything(client: Client, job: JobRecord) {
    assert.ok(job.request.kind === 'squeeze');
    const results = succeededResults(job).map(({ adapter_id }) => `/v1/adapters/${adapter_id}`);
    const paths = [
      `/v1/adapters/${job.request.adapter_id}`,
      `/v1/jobs/${job.id}`,
      `/v1/jobs/${job.id}/report`,
    ];
    return Promise.all([...paths, ...results].map((path) => client.json<unknown>(path)));
  }

  /** SHA-256 of every file of every result. */
  async function digests(client: Client, job: JobRecord): Promise<string[]> {
    const found: string[] = [];
    for (const { adapter_id } of succeededResults(job)) {
      const { files } = await client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`);
      for (const { name } of files) {
        found.push(`${name} ${sha256(await client.bytes(`/v1/adapters/${adapter_id}/files/${name}`))}`);
      }
    }
    return found;
  }

  it('does not disturb another service with its own folder', async () => {
    const clients = [left, right].map(({ url }) => new Client(url)) as [Client, Client];
    const { adapter } = await clients[0].upload(dir);
    assert.equal((await clients[1].fetch(`/v1/adapters/${adapter.id}`)).status, 404);
    const there = await clients[1].upload(dir);
    assert.equal(there.adapter.content_known, false);
    const ids = [adapter.id, there.adapter.id];
    const jobs = await Promise.all(clients.map((each, i) => each.squeeze(ids[i]!, [{ rank: 2 }])));
    assert.deepEqual(
      jobs.map((job) => job.state),
      ['succeeded', 'succeeded'],
    );
    const [here, elsewhere] = await Promise.all(clients.map((each, i) => each.contents(jobs[i]!)));
    assert.deepEqual(here, elsewhere);
  });

  it('answers probes while a job runs, and computes in another process', { skip: !onLinux }, async () => {
    const client = new Client(left.url);
    const { adapter } = await client.upload(dir);
    assert.ok(
      left.children().some((child) => /redis|valkey/.test(commandLine(child))),
      'no private Redis among the children',
    );
    const running = client.squeeze(adapter.id, [{ rank: 4 }]);
    for (const probe of ['/livez', '/readyz', '/metrics', '/openapi.yaml']) {
      const response = await client.fetch(probe);
      assert.equal(response.status, 200, `${probe}: ${await response.text()}`);
    }
    assert.equal((await running).state, 'succeeded');
    const computes = left.children().filter((child) => hasMapped(child, 'onnxruntime'));
    assert.equal(computes.length, 1, 'one compute process');
    assert.ok(!hasMapped(left, 'onnxruntime'), 'the process that answers HTTP has loaded ONNX Runtime');
  });

  it('writes the same bytes with one thread and with two, in separate folders, by every method and for a merge', async () => {
    const found = async ({ url }: Service) => {
      const client = new Client(url);
      const { adapter } = await client.upload(stacked.dir);
      const jobs = new Map<string, string[]>();
      for (const method of METHODS) {
        const job = await client.squeeze(adapter.id, targetsOf(method), { method });
        assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
        jobs.set(method, await digests(client, job));
      }
      const sources: { adapter_id: string; weight: number }[] = [];
      for (const [index, source] of [dir, withHead].entries())
        sources.push({ adapter_id: (await client.upload(source)).adapter.id, weight: index + 1 });
      const options = { method: 'exact' } as const;
      const merge = await succeed(client, { kind: 'merge', sources, targets: [{ rank: 5 }], options });
      return jobs.set('merge', await digests(client, merge));
    };
    const [one, two] = await Promise.all([found(left), found(right)]);
    for (const files of one.values()) assert.ok(files.length > 0);
    assert.notDeepEqual(one.get('exact')!.slice(0, 2), one.get('rsvd')!.slice(0, 2));
    assert.deepEqual(two, one);
  });

  it('keeps adapters, jobs, reports and results over a restart, and then completes the queued jobs', async () => {
    const client = new Client(left.url);
    const { adapter } = await client.upload(dir);
    const job = await client.squeeze(adapter.id, [{ rank: 2 }, { energy: 0.9 }]);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    const seen = await everything(client, job);
    const targets = targetsFor(adapter.ranks.max, 'exact');
    const response = await client.postJob({ kind: 'squeeze', adapter_id: adapter.id, targets });
    assert.equal(response.status, 202);
    const queued = (await response.json()) as JobRecord;
    await left.stop();

    left = await startLeft();
    const later = new Client(left.url);
    assert.deepEqual(await everything(later, job), seen);
    const again = await later.upload(dir);
    assert.deepEqual([again.status, again.adapter.content_known], [201, true]);
    const repeated = await later.squeeze(adapter.id, [{ rank: 2 }, { energy: 0.9 }]);
    assert.deepEqual(await later.contents(repeated), await later.contents(job));
    const finished = await later.finished(queued.id);
    assert.equal(finished.state, 'succeeded', JSON.stringify(finished.error));
    assert.equal(finished.results.length, targets.length);
  });
});
