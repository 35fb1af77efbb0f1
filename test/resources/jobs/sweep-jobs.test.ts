import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newBatchId, newRunId } from '../../../src/database/ids.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { pauseDatabase, untilBlocked } from '../../database/paused-database.ts';
import { insertSampleAdapter, SAMPLE_ADAPTER } from '../adapters/sample-adapter.ts';
import { draftsIn, insertBatch } from '../batches/insert-batch.ts';
import { entry, MODULES, runManifest } from '../runs/run-entries.ts';
import { HOUR_MS, type StorageBench, withBench } from '../sweeps/storage-bench.ts';
import { failsWith } from './job-bench.ts';
import { jobFile, jobIds } from './job-rows.ts';

onEachDialect('jobs of all tenants', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) =>
    withBench(database(), folder(), async (bench) => {
      await bench.other();
      await insertSampleAdapter(database());
      await work(bench);
    });
  const later = () => Date.now() + HOUR_MS;

  it('are removed when they have expired, those of a batch not before the batch has ended', () =>
    onBench(async (bench) => {
      const space = bench.workspaces.of('other');
      for (let i = 0; i < 30; i++) await bench.job({ ttl_seconds: 60 + i }, i % 2 ? { space } : {});
      const ofBatch = { tenant: 'other', jobTtlSeconds: 60 };
      const { jobs: members } = await insertBatch(database(), 2, ofBatch);
      await bench.worker.succeed(members[0]!.id);
      const kept = await bench.job({ ttl_seconds: 7_200 });
      assert.equal((await bench.sweeper().sweep()).swept.of('job').objects, 0);
      assert.equal((await bench.sweeper().sweep(later())).swept.of('job').objects, 30);
      const ids = [...members, kept].map(({ id }) => id);
      assert.deepEqual(await jobIds(database()), ids.sort());
      await bench.worker.succeed(members[1]!.id);
      await bench.sweeper().sweep(later());
      assert.deepEqual(await jobIds(database()), [kept.id]);
    }));

  it('leave their batch, which is removed when it expires itself', () =>
    onBench(async (bench) => {
      const space = bench.workspaces.of('other');
      const { id, jobs } = await insertBatch(database(), 3, {
        ...{ tenant: 'other', jobTtlSeconds: 1_800, ttlSeconds: 5_400 },
      });
      for (const job of jobs) await bench.worker.succeed(job.id);
      const before = await space.batches.get(id);
      const first = await bench.sweeper().sweep(later());
      assert.deepEqual([first.swept.of('job').objects, first.swept.of('batch').objects], [3, 0]);
      assert.deepEqual(await space.batches.get(id), before);
      const second = await bench.sweeper().sweep(later() + HOUR_MS);
      assert.equal(second.swept.of('batch').objects, 1);
      await assert.rejects(space.batches.get(id), failsWith('BATCH_NOT_FOUND'));
      assert.deepEqual(await database().reader.selectFrom('batch_member').selectAll().execute(), []);
    }));

  it('of a draft that is accepted while a sweep finds it expired are not lost with it', () =>
    onBench(async (bench) => {
      const { database: slow, reached, release } = pauseDatabase(database());
      const [id, head] = [
        newBatchId(Date.now()),
        { name: null, labels: {}, retryOf: null, ttlSeconds: null, webhookId: null },
      ];
      await draftsIn(database()).begin(id, Date.now(), head);
      const accepting = draftsIn(slow).accept(id, head, { items: 0, failed: 0 });
      await reached;
      const sweeping = bench.sweeper().sweep(later() + HOUR_MS);
      await untilBlocked(database());
      release();
      await Promise.all([accepting, sweeping]);
      assert.equal((await bench.own.batches.get(id)).id, id);
    }));

  it('are removed with their run when they have ended', () =>
    onBench(async (bench) => {
      const { runStore } = bench.own;
      const jobOf = async (isFinal: boolean) => {
        const run = { ...runManifest(), id: newRunId(Date.now()) };
        await runStore.create(run);
        const what = { run_id: run.id, step: 1, adapter_id: SAMPLE_ADAPTER, targets: [{ rank: 1 }] };
        const request = { kind: 'checkpoint' as const, ...what, optimizer: null };
        const job = await bench.job({ kind: 'checkpoint', request }, { isFinal });
        const change = { run_id: run.id, sequence: 1, job_id: job.id };
        assert.ok(await runStore.append(run, entry(1, 4, change), null, MODULES));
        return { run, job };
      };
      const kept = await jobOf(true);
      const [ended, running] = [await jobOf(true), await jobOf(false)];
      // The process that removed the run died before it removed the jobs.
      for (const { run } of [ended, running]) assert.ok(await runStore.remove(run, 1));
      await bench.sweeper().sweep(later());
      const left = [kept.job.id, running.job.id];
      assert.deepEqual(await jobIds(database()), left.sort());
      await bench.worker.succeed(running.job.id);
      await bench.sweeper().sweep(later());
      assert.deepEqual(await jobIds(database()), [kept.job.id]);
    }));

  it('keep their files until they are removed', () =>
    onBench(async (bench) => {
      const made = { results: [], files: [jobFile('training', 'projections')] };
      await bench.job({ ttl_seconds: 60 }, { made });
      const sweeper = bench.sweeper({ graceMs: -2 * HOUR_MS });
      assert.equal((await sweeper.sweep()).swept.of('blob').objects, 0);
      assert.equal((await sweeper.sweep(later())).swept.of('blob').objects, 1);
    }));
});
