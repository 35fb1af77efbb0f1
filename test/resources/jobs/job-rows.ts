import { hash } from 'node:crypto';
import type { JobRecord } from '../../../src/contract/job.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import type { WorkOutcome } from '../../../src/resources/jobs/executions/execution-outcome.ts';
import { JobStore } from '../../../src/resources/jobs/store.ts';
import type { DeliveryQueue } from '../../../src/resources/webhooks/delivery-queue.ts';
import { NO_DISPATCHER } from './fake-worker.ts';

/** The jobs of a tenant, whose ends are reported to this queue of deliveries. */
export const jobsIn = (
  database: Database,
  { tenant = DEFAULT_TENANT, queue = undefined as DeliveryQueue | undefined } = {},
): JobStore => new JobStore({ database, dispatcher: NO_DISPATCHER, deliveries: queue }, tenant);

/** Ids of all jobs, the oldest first. */
export async function jobIds({ reader }: Pick<Database, 'reader'>): Promise<string[]> {
  const rows = await reader.selectFrom('job').select('id').orderBy('id').execute();
  return rows.map(({ id }) => id);
}

/** Ids of the unfinished jobs of a tenant. */
export const unfinished = (jobs: JobStore): Promise<string[]> => jobs.unfinished(100_000);

/** Jobs that are accepted without a batch. */
export const withoutReuse = (...jobs: readonly JobRecord[]) => jobs.map((job) => ({ job, reuse: false }));

/** A small file that a job has in addition to its adapters. */
export function jobFile(
  role: WorkOutcome['files'][number]['role'],
  content: string,
): WorkOutcome['files'][number] {
  const data = Buffer.from(content);
  const inline = data.toString('base64');
  return { name: role, role, sha256: hash('sha256', data), bytes: data.length, inline };
}

/** The report of work without other results. */
export const reportFile = (report: object) => jobFile('report', JSON.stringify(report));
