import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cancelTenant } from '../../src/resources/cancel-tenant.ts';
import type { Workspace } from '../../src/resources/workspaces.ts';
import { onEachDialect } from '../database/dialects.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import { type StorageBench, withBench } from './sweeps/storage-bench.ts';

onEachDialect('cancelling all work of a tenant', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);
  const states = async ({ tenant }: Workspace) => {
    const rows = await database()
      .reader.selectFrom('job')
      .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
      .where('tenant', '=', tenant)
      .groupBy('state')
      .orderBy('state')
      .execute();
    return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]));
  };

  it('ends its jobs and batches, in many transactions, and none of others', () =>
    onBench(async (bench) => {
      const { own, worker } = bench;
      const other = await bench.other();
      const made = await bench.register(tinyAdapter(1));
      const theirs = await bench.register(tinyAdapter(1), { space: other });
      const squeeze = (adapter_id: string, rank: number) => ({
        ...{ kind: 'squeeze' as const, adapter_id, targets: [{ rank }] },
      });
      const done = await own.jobs.submit(squeeze(made.id, 1));
      await worker.succeed(done.id);
      const running = await own.jobs.submit(squeeze(made.id, 2));
      await worker.begin(running.id);
      const batch = await own.batchIntake.submit({
        jobs: Array.from({ length: 70 }, (_, rank) => squeeze(made.id, rank + 3)),
      });
      await own.batches.settled();
      const kept = await other.jobs.submit(squeeze(theirs.id, 1));
      assert.deepEqual(await states(own), { active: 1, queued: 70, succeeded: 1 });

      assert.deepEqual(await cancelTenant(own), { batches: 1, jobs: 71 });
      await own.batches.settled();
      assert.deepEqual(await states(own), { cancelled: 71, succeeded: 1 });
      assert.equal((await own.batches.get(batch.id)).state, 'cancelled');
      assert.equal((await other.jobs.get(kept.id)).state, 'queued');
      assert.deepEqual(await cancelTenant(own), { batches: 0, jobs: 0 }, 'again, there is nothing left');
      const left = await database()
        .reader.selectFrom('execution')
        .select('id')
        .where('tenant', '=', own.tenant)
        .where('finished_at', 'is', null)
        .execute();
      assert.deepEqual(left, [], 'nothing of it can be dispatched');
    }));
});
