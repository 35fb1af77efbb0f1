import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CheckpointJobRequest } from '../../../src/contract/job-request.ts';
import {
  adapterChangesKey,
  adapterKey,
  blobKey,
  newJobId,
  newRunId,
  recentAdapterKey,
  reportKey,
} from '../../../src/service/layout.ts';
import type { RunManifest } from '../../../src/service/runs/run-manifest.ts';
import type { Workspace } from '../../../src/service/workspaces.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { entry, madeRun } from '../runs/made-run.ts';
import { age, HOUR_MS, onDisk, type StorageBench } from './storage-bench.ts';

const inAnHour = () => Date.now() + HOUR_MS;
const isThere = async (bench: StorageBench, sha256: string) =>
  (await bench.store.stat(blobKey(sha256))) !== undefined;

describe('the sweeper', () => {
  it('removes nothing that anybody needs', async () => {
    await onDisk(async (bench, root) => {
      await bench.register(tinyAdapter(1));
      await bench.register(tinyAdapter(2), { keeping: { ttlSeconds: 60 * 60 } });
      await bench.job({ ttl_seconds: 3600 });
      await bench.job({}, { isFinal: false });
      await age(root);
      const before = await bench.store.list('');
      const { swept, totals } = await bench.sweeper().sweep();
      assert.deepEqual(swept.all, []);
      const after = await bench.store.list('');
      assert.deepEqual(after, [...before, 'tenants/default/usage.json'].sort());
      assert.equal(totals.adapters, 2);
    });
  });

  it('removes adapters whose time is over, with their content', async () => {
    await onDisk(async (bench, root) => {
      const { record } = await bench.register(tinyAdapter(1), { keeping: { ttlSeconds: 60 } });
      await age(root);
      const { swept } = await bench.sweeper().sweep(inAnHour());
      assert.deepEqual(swept.of('adapter'), { kind: 'adapter', objects: 1, bytes: record.bytes });
      assert.deepEqual(swept.of('blob'), { kind: 'blob', objects: 2, bytes: record.bytes });
      await assert.rejects(bench.own.adapters.get(record.id), { code: 'ADAPTER_NOT_FOUND' });
      assert.deepEqual(await bench.store.list('blobs/'), []);
      assert.deepEqual((await bench.own.lists.adapters.page({}, { limit: 10 })).items, []);
      const again = await bench.register(tinyAdapter(1));
      assert.equal(again.created, true);
      assert.equal(again.record.expires_at, null);
    });
  });

  it('leaves an expired adapter to the job that reads it', async () => {
    await onDisk(async (bench, root) => {
      const { record } = await bench.register(tinyAdapter(1), { keeping: { ttlSeconds: 60 } });
      const request = { kind: 'analyze', adapter_id: record.id } as const;
      const job = await bench.job({ request }, { isFinal: false });
      await age(root);
      await bench.sweeper().sweep(inAnHour());
      assert.ok(await bench.own.adapters.get(record.id));
      await bench.own.jobStore.finish({ ...job, state: 'failed', finished_at: new Date().toISOString() });
      await bench.sweeper().sweep(inAnHour());
      await assert.rejects(bench.own.adapters.get(record.id), { code: 'ADAPTER_NOT_FOUND' });
    });
  });

  it('removes jobs some time after their end, with all that is known of them, but not their results', async () => {
    await onDisk(async (bench) => {
      const { record } = await bench.register(tinyAdapter(1));
      const job = await bench.job({ ttl_seconds: 60, request: { kind: 'analyze', adapter_id: record.id } });
      await bench.own.jobControl.label(job.id, { team: 'x' });
      await bench.own.store.put(reportKey(job.id), Buffer.from('{}'));
      const kept = await bench.job({ ttl_seconds: 7200 });
      const unfinished = await bench.job({ ttl_seconds: 60 }, { isFinal: false });
      assert.equal((await bench.sweeper().sweep()).swept.of('job').objects, 0);
      const { swept } = await bench.sweeper().sweep(inAnHour());
      assert.equal(swept.of('job').objects, 1);
      const left = (await bench.store.list('tenants/')).filter((key) => key.includes(job.id.slice(4)));
      assert.deepEqual(left, []);
      assert.ok(await bench.own.jobStore.get(kept.id));
      assert.ok(await bench.own.jobStore.get(unfinished.id));
      assert.ok(await bench.own.adapters.get(record.id));
    });
  });

  it('keeps content that only a job, a run or a checkpoint refers to, of any tenant', async () => {
    await onDisk(async (bench, root) => {
      const other = bench.workspaces.of('other');
      const files = { of: await bench.blob('file'), modules: await bench.blob('modules') };
      const moments = await bench.blob('moments');
      const jobMoments = await bench.blob('moments of a job');
      const training = {
        learning_rate_factor: 1,
        revived_directions: 0,
        optimizer: 'none' as const,
        files: [{ name: 'projections.safetensors', sha256: files.of, bytes: 4 }],
      };
      await bench.workspaces.tenants.put('other', {});
      await bench.job({ results: [{ training } as never] }, { space: other });
      const run = await newRun(other);
      const change = { run_id: run.id, modules_sha256: files.modules, optimizer_sha256: moments };
      await other.runStore.append(run, entry(1, 64, change), null);
      const request: CheckpointJobRequest = {
        kind: 'checkpoint',
        run_id: run.id,
        step: 1,
        adapter_id: 'ad_1',
        targets: [{ rank: 1 }],
        optimizer: { sha256: jobMoments, mode: 'carry' },
      };
      await bench.job({ request, kind: 'checkpoint' }, { space: other, isFinal: false });
      await age(root);
      assert.deepEqual((await bench.sweeper().sweep()).swept.all, []);
      for (const sha256 of [files.of, files.modules, moments, jobMoments])
        assert.ok(await isThere(bench, sha256));
    });
  });

  it('removes content that nobody refers to, when it has been so for the grace', async () => {
    await onDisk(async (bench, root) => {
      const old = await bench.blob('old');
      const touched = await bench.blob('touched');
      await age(root);
      await bench.store.touch(blobKey(touched));
      const fresh = await bench.blob('fresh');
      const { swept } = await bench.sweeper().sweep();
      assert.deepEqual(swept.of('blob'), { kind: 'blob', objects: 1, bytes: 3 });
      assert.deepEqual(await Promise.all([old, touched, fresh].map((sha256) => isThere(bench, sha256))), [
        false,
        true,
        true,
      ]);
    });
  });

  it('keeps what two tenants have until both have removed it', async () => {
    await onDisk(async (bench, root) => {
      const other = bench.workspaces.of('other');
      const { record } = await bench.register(tinyAdapter(1));
      await bench.register(tinyAdapter(1), { space: other });
      await bench.own.adapters.remove(record.id);
      await age(root);
      await bench.sweeper().sweep();
      await bench.assertWhole(other);
      assert.equal((await bench.store.list('blobs/')).length, 2);
      await other.adapters.remove(record.id);
      await bench.sweeper().sweep();
      assert.deepEqual(await bench.store.list('blobs/'), []);
    });
  });

  it('removes what crashes left: entries, changes, reports, marks', async () => {
    await onDisk(async (bench, root) => {
      const { store } = bench.own;
      const { record } = await bench.register(tinyAdapter(1));
      const id = `ad_${'1'.repeat(32)}`;
      await store.put(reportKey(newJobId(Date.now())), Buffer.from('{}'));
      await store.put(recentAdapterKey(id, Date.now(), 5), new Uint8Array());
      // Another entry of an adapter that is there: who lost the race to create it died before taking it back.
      await store.put(recentAdapterKey(record.id, Date.now() - 5, 5), new Uint8Array());
      await store.put(adapterChangesKey(id), Buffer.from('{}'));
      await store.put(`adapter-removals/${record.id}`, Buffer.from('x'));
      await bench.store.put(`blobs/ab/removal`, Buffer.from('x'));
      const before = await bench.store.list('');
      await bench.sweeper().sweep();
      const young = await bench.store.list('');
      assert.deepEqual(young, [...before, 'tenants/default/usage.json'].sort(), 'they may be on their way');
      await age(root);
      const { swept } = await bench.sweeper().sweep();
      assert.equal(swept.of('stray').objects, 5);
      const left = (await store.list('')).filter((key) => key !== 'usage.json');
      const entry = recentAdapterKey(record.id, Date.parse(record.created_at), record.bytes);
      assert.deepEqual(left, [adapterKey(record.id), entry].sort());
      assert.deepEqual(await bench.store.list('blobs/ab/removal'), []);
    });
  });

  it('removes jobs of runs that are gone, and no others of runs', async () => {
    await onDisk(async (bench) => {
      const request = (run_id: string): CheckpointJobRequest => ({
        kind: 'checkpoint',
        run_id,
        step: 1,
        adapter_id: 'ad_1',
        targets: [{ rank: 1 }],
        optimizer: null,
      });
      const { id } = await newRun(bench.own);
      const kept = await bench.job({ kind: 'checkpoint', request: request(id) });
      const gone = await bench.job({ kind: 'checkpoint', request: request(newRunId(Date.now())) });
      await bench.sweeper().sweep();
      assert.ok(await bench.own.jobStore.get(kept.id));
      assert.equal(await bench.own.jobStore.get(gone.id), undefined);
    });
  });

  it('counts what is left', async () => {
    await onDisk(async (bench) => {
      const one = await bench.register(tinyAdapter(1));
      const two = await bench.register(tinyAdapter(2), { space: bench.workspaces.of('other') });
      const { totals } = await bench.sweeper().sweep();
      assert.deepEqual(totals, { adapters: 2, bytes: one.record.bytes + two.record.bytes });
    });
  });
});

async function newRun({ runStore }: Workspace): Promise<RunManifest> {
  const run = { ...madeRun(), id: newRunId(Date.now()) };
  await runStore.create(run);
  return run;
}
