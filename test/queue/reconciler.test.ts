import { describe, it } from 'node:test';
import { Reconciler } from '../../src/queue/reconciler.ts';
import { acceptedJob } from '../../src/service/accepted-job.ts';
import { batchKey, newBatchId, newJobId, pendingBatchKey } from '../../src/service/layout.ts';
import { TenantService } from '../../src/service/tenants/tenant-service.ts';
import { tenantStore, Workspaces } from '../../src/service/workspaces.ts';
import { jobsIn } from '../service/job-rows.ts';
import { SILENT, until, withBench } from './harness.ts';

describe('what the queue has lost', () => {
  it('is queued again for all tenants, also when the record of a batch is damaged', () =>
    withBench(async (bench) => {
      const tenants = new TenantService(bench.database);
      const ids = new Map<string, string>();
      for (const tenant of ['aa', 'zz']) {
        await tenants.put(tenant, {});
        const id = newJobId(Date.now());
        ids.set(tenant, id);
        const work = { kind: 'analyze', adapter_id: `ad_${'0'.repeat(64)}` } as const;
        await jobsIn(bench.database, { tenant }).accept([acceptedJob(id, work)]);
      }
      const batchId = newBatchId(Date.now());
      const damaged = tenantStore(bench.blobs, 'aa');
      await damaged.put(pendingBatchKey(batchId), new Uint8Array());
      await damaged.put(batchKey(batchId), Buffer.from('{'));
      const workspaces = new Workspaces(bench.blobs, bench.database, bench.queue);
      const reconciler = new Reconciler({ workspaces, tenants, logger: SILENT, intervalMs: 200 });
      reconciler.start();
      try {
        for (const id of ids.values()) await until('the job', () => bench.queue.state(id), 5_000);
      } finally {
        await reconciler.close();
      }
    }));
});
