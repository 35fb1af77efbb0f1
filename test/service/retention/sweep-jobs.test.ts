import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { JobKeeper } from '../../../src/service/job-keeper.ts';
import { newBatchId, newRunId, pendingBatchKey } from '../../../src/service/layout.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { jobIds } from '../job-rows.ts';
import { madeRun } from '../runs/made-run.ts';
import { digestOf, HOUR_MS, StorageBench } from './storage-bench.ts';

onEachDialect('jobs of all tenants', (database, folder) => {
  async function withBench(work: (bench: StorageBench) => Promise<void>): Promise<void> {
    const store = await DiskStore.open(join(folder(), 'storage'));
    try {
      const bench = new StorageBench(store, database());
      await bench.workspaces.tenants.put('other', {});
      await work(bench);
    } finally {
      await store.close();
    }
  }
  const later = () => Date.now() + HOUR_MS;

  it('go when their time is over, those of a batch not before it has ended', () =>
    withBench(async (bench) => {
      const space = bench.workspaces.of('other');
      const batch_id = newBatchId(Date.now());
      await space.store.put(pendingBatchKey(batch_id), Buffer.from('opened'));
      for (let i = 0; i < 30; i++) await bench.job({ ttl_seconds: 60 + i }, i % 2 ? { space } : {});
      const member = await bench.job({ ttl_seconds: 60, batch_id }, { space });
      const kept = await bench.job({ ttl_seconds: 7_200 });
      assert.equal((await bench.sweeper().sweep()).swept.of('job').objects, 0);
      assert.equal((await bench.sweeper().sweep(later())).swept.of('job').objects, 30);
      assert.deepEqual(await jobIds(database()), [member.id, kept.id].sort());
      await space.store.remove(pendingBatchKey(batch_id));
      await bench.sweeper().sweep(later());
      assert.deepEqual(await jobIds(database()), [kept.id]);
    }));

  it('go with their run when they have ended', () =>
    withBench(async (bench) => {
      const run = { ...madeRun(), id: newRunId(Date.now()) };
      await bench.own.runStore.create(run);
      const of = (run_id: string) => {
        const rest = { step: 1, adapter_id: 'ad_1', targets: [{ rank: 1 }], optimizer: null };
        return { kind: 'checkpoint' as const, request: { kind: 'checkpoint' as const, run_id, ...rest } };
      };
      const kept = await bench.job(of(run.id));
      await bench.job(of(newRunId(0)));
      const unfinished = await bench.job(of(newRunId(0)), { isFinal: false });
      await bench.sweeper().sweep(later());
      assert.deepEqual(await jobIds(database()), [kept.id, unfinished.id].sort());
    }));

  it('keep the files they wrote until they go', () =>
    withBench(async (bench) => {
      const sha256 = await bench.blob('projections');
      assert.equal(sha256, digestOf('projections'));
      const training = { files: [{ name: 'x', sha256, bytes: 11 }] };
      await bench.job({ results: [{ training } as never], ttl_seconds: 60 });
      const sweeper = bench.sweeper({ graceMs: -HOUR_MS });
      assert.equal((await sweeper.sweep()).swept.of('blob').objects, 0);
      assert.equal((await sweeper.sweep(later())).swept.of('blob').objects, 1);
    }));

  it('that the queue has lost are found, however many they are', () =>
    withBench(async (bench) => {
      const accepted: string[] = [];
      for (const tenant of ['default', 'other']) {
        const { jobStore } = bench.workspaces.of(tenant);
        const some = Array.from({ length: 1_050 }, () => bench.accepted());
        await jobStore.accept(some);
        accepted.push(...some.map(({ id }) => id));
      }
      await bench.job();
      const held = accepted[7]!;
      await bench.queue.add(held);
      const keeper = new JobKeeper(database(), bench.queue);
      const lost = accepted.filter((id) => id !== held).sort();
      assert.deepEqual((await keeper.reconcile()).sort(), lost);
      assert.deepEqual(await keeper.reconcile(), []);
    }));
});
