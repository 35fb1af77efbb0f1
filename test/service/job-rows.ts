import type { JobRecord } from '../../src/contract/job.ts';
import type { Database } from '../../src/database/database.ts';
import { JobStore } from '../../src/service/job-store.ts';
import { reportKey } from '../../src/service/layout.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import type { DeliveryQueue } from '../../src/service/webhooks/delivery-queue.ts';
import { Outbox } from '../../src/service/webhooks/outbox.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';

/** The jobs of a tenant; whose ends are told to this queue of deliveries. */
export function jobsIn(
  database: Database,
  { tenant = DEFAULT_TENANT, queue = undefined as DeliveryQueue | undefined } = {},
): JobStore {
  return new JobStore(database, tenant, new Outbox({ database, tenant, queue }));
}

/** Ids of all jobs that there are, the oldest first. */
export async function jobIds({ reader }: Pick<Database, 'reader'>): Promise<string[]> {
  const rows = await reader.selectFrom('job').select('id').orderBy('id').execute();
  return rows.map(({ id }) => id);
}

/** Ids of the jobs of a tenant that have not ended, the oldest first. */
export const unfinished = (jobs: JobStore): Promise<string[]> => jobs.unfinished(100_000);

/** What a compute process stores before its worker records the end of the job. */
export const putReport = (
  store: BlobStore,
  report: { readonly job_id: string } & Record<string, unknown>,
): Promise<void> => store.put(reportKey(report.job_id), Buffer.from(JSON.stringify(report)));

export const endOf = (job: JobRecord, change: Partial<JobRecord> = {}): JobRecord => ({
  ...job,
  state: 'succeeded',
  finished_at: new Date().toISOString(),
  ...change,
});
