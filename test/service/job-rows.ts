import { hash } from 'node:crypto';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Database } from '../../src/database/database.ts';
import { JobStore, type MadeContent } from '../../src/service/job-store.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import type { DeliveryQueue } from '../../src/service/webhooks/delivery-queue.ts';
import { Outbox } from '../../src/service/webhooks/outbox.ts';

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

/** A small file that a job has beside its adapters. */
export function jobFile(
  role: MadeContent['files'][number]['role'],
  content: string,
): MadeContent['files'][number] {
  const data = Buffer.from(content);
  const inline = data.toString('base64');
  return { name: role, role, sha256: hash('sha256', data), bytes: data.length, inline };
}

/** What a job made that came to nothing but this report. */
export const madeReport = (report: object): MadeContent => ({
  writeId: null,
  adapters: [],
  files: [jobFile('report', JSON.stringify(report))],
});

export const endOf = (job: JobRecord, change: Partial<JobRecord> = {}): JobRecord => ({
  ...job,
  state: 'succeeded',
  finished_at: new Date().toISOString(),
  ...change,
});
