import { hash } from 'node:crypto';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Labels } from '../../../src/contract/labels.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { newBatchId, newJobId } from '../../../src/database/ids.ts';
import { BatchStore } from '../../../src/resources/batches/store.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { insertKnownAdapter } from '../adapters/known-adapter.ts';
import { alone } from '../jobs/job-rows.ts';
import { NO_DISPATCHER } from '../jobs/played-worker.ts';

export const batchesOf = (database: Database, tenant = DEFAULT_TENANT): BatchStore =>
  new BatchStore({ database, dispatcher: NO_DISPATCHER }, tenant);

/** What the jobs of its batches read: one of each tenant. */
const adapterOf = (tenant: string): string => `ad_${hash('md5', tenant)}`;

/** A batch that was accepted with so many jobs. */
export async function madeBatch(
  database: Database,
  count: number,
  {
    tenant = DEFAULT_TENANT,
    change = {} as Partial<JobRecord>,
    ttlSeconds = null as number | null,
    labels = {} as Labels,
  } = {},
): Promise<{ readonly id: string; readonly jobs: readonly JobRecord[] }> {
  const adapter_id = adapterOf(tenant);
  await insertKnownAdapter(database, { id: adapter_id, tenant });
  const createdAtMs = Date.now();
  const id = newBatchId(createdAtMs);
  const jobs = Array.from({ length: count }, () => ({
    ...acceptedJob(newJobId(createdAtMs), { kind: 'analyze', adapter_id }),
    ...change,
    batch_id: id,
  }));
  const request = { kind: 'analyze' as const, adapter_ids: jobs.map(() => adapter_id), labels };
  const batches = batchesOf(database, tenant);
  await batches.accept({ id, request, jobs, retryOf: null, ttlSeconds, createdAtMs });
  await batches.open(id, alone(...jobs));
  return { id, jobs };
}
