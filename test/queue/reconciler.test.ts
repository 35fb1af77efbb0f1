import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reconciler } from '../../src/queue/reconciler.ts';
import { acceptedJob } from '../../src/service/accepted-job.ts';
import { newJobId } from '../../src/service/layout.ts';
import { TenantService } from '../../src/service/tenants/tenant-service.ts';
import { Workspaces } from '../../src/service/workspaces.ts';
import { jobsIn } from '../service/job-rows.ts';
import { SILENT, until, withBench } from './harness.ts';

describe('what the queue has lost', () => {
  it('is queued again for all tenants but one whose records are damaged', () =>
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
      const workspaces = new Workspaces(bench.blobs, bench.database, bench.queue);
      const reconciler = new Reconciler({ workspaces, tenants, logger: SILENT, intervalMs: 200 });
      reconciler.start();
      try {
        await until('the job of the other', () => bench.queue.state(ids.get('zz')!), 5_000);
        assert.equal(await bench.queue.state(ids.get('aa')!), undefined);
      } finally {
        await reconciler.close();
      }
    }));
});
