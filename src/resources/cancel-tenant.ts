import { setImmediate } from 'node:timers/promises';
import type { Database } from '../database/database.ts';
import { newBatchId, newJobId } from '../database/ids.ts';
import { ignoring } from '../errors/app-error.ts';
import type { BatchService } from './batches/service.ts';
import type { JobControl } from './jobs/control.ts';

/** Jobs that are cancelled in one transaction, which delays other work for its duration. */
const JOBS_AT_ONCE = 20;

/** The parts of a workspace that are needed to cancel all jobs and batches of its tenant. */
export interface TenantWorkspace {
  readonly tenant: string;
  readonly database: Pick<Database, 'reader'>;
  readonly batches: Pick<BatchService, 'cancel'>;
  readonly jobControl: Pick<JobControl, 'cancelAll'>;
}

/**
 * Cancels every unfinished job and batch of a tenant, in small transactions. Jobs that arrive meanwhile are not
 * included. If it fails, a part is done, and calling it again continues.
 * @returns the numbers of cancelled batches and jobs, including the jobs of the batches
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function cancelTenant(space: TenantWorkspace): Promise<{ batches: number; jobs: number }> {
  const { tenant, batches, jobControl } = space;
  const { reader } = space.database;
  const [lastBatch, lastJob] = [newBatchId(Date.now()), newJobId(Date.now())];
  const { count } = await reader
    .selectFrom('job')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('tenant', '=', tenant)
    .where('state', 'in', ['queued', 'active'])
    .where('id', '<=', lastJob)
    .executeTakeFirstOrThrow();
  // Batches first, so that they create no more jobs.
  const unfinished = await reader
    .selectFrom('batch')
    .select('id')
    .where('tenant', '=', tenant)
    .where('finished_at', 'is', null)
    .where('accepted_at', 'is not', null)
    .where('cancelled_at', 'is', null)
    .where('id', '<=', lastBatch)
    .orderBy('id')
    .execute();
  for (const { id } of unfinished) await batches.cancel(id).catch(ignoring('BATCH_FINAL'));
  for (;;) {
    const some = await reader
      .selectFrom('job')
      .select('id')
      .where('tenant', '=', tenant)
      .where('state', 'in', ['queued', 'active'])
      .where('id', '<=', lastJob)
      .orderBy('id')
      .limit(JOBS_AT_ONCE)
      .execute();
    if (some.length === 0) return { batches: unfinished.length, jobs: Number(count) };
    await jobControl.cancelAll(some.map(({ id }) => id));
    await setImmediate();
  }
}
