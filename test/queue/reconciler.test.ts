import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reconciler } from '../../src/queue/reconciler.ts';
import { acceptedJob } from '../../src/service/accepted-job.ts';
import { newJobId } from '../../src/service/layout.ts';
import { TenantService } from '../../src/service/tenants/tenant-service.ts';
import { Workspaces } from '../../src/service/workspaces.ts';
import { batchesOf } from '../service/batches/made-batch.ts';
import { jobsIn } from '../service/job-rows.ts';
import { insertKnownAdapter } from '../service/known-adapter.ts';
import { type Bench, SILENT, until, withBench } from './harness.ts';

async function reconciling(bench: Bench, work: () => Promise<void>): Promise<void> {
  const workspaces = new Workspaces(bench.blobs, bench.database, bench.queue);
  const reconciler = new Reconciler({ workspaces, logger: SILENT, intervalMs: 200 });
  reconciler.start();
  try {
    await work();
  } finally {
    await reconciler.close();
  }
}

describe('what nobody goes on with', () => {
  it('is queued again for all tenants, if the queue has lost it', () =>
    withBench(async (bench) => {
      const tenants = new TenantService(bench.database);
      const ids: string[] = [];
      for (const tenant of ['aa', 'ff']) {
        await tenants.put(tenant, {});
        const id = newJobId(Date.now());
        ids.push(id);
        const adapter_id = await insertKnownAdapter(bench.database, {
          id: `ad_${tenant.repeat(16)}`,
          tenant,
        });
        const work = { kind: 'analyze', adapter_id } as const;
        await jobsIn(bench.database, { tenant }).accept([acceptedJob(id, work)]);
      }
      await reconciling(bench, async () => {
        for (const id of ids) await until('the job', () => bench.queue.state(id), 5_000);
      });
    }));

  it('is cancelled to its end, if that was asked of a process which died', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(30);
      await batchesOf(bench.database).cancel(batch.id);
      await reconciling(bench, async () => {
        const { state, counts } = await bench.batchOutcome(batch.id);
        assert.deepEqual([state, counts.cancelled], ['cancelled', 30]);
        await until('an empty queue', async () => (await bench.queue.counts()).waiting === 0);
      });
    }));
});
