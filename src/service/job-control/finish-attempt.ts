import type { JobRecord } from '../../contract/job.ts';
import type { Report } from '../../contract/report.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { isFinal, type JobStore } from '../job-store.ts';
import { jobKey, outcomeKey, reportKey } from '../layout.ts';

/** Whether there is a job still that waits for what an attempt came to. @throws AppError STORAGE_* */
export async function isWanted(jobs: Pick<JobStore, 'get'>, jobId: string): Promise<boolean> {
  const record = await jobs.get(jobId);
  return record !== undefined && !isFinal(record);
}

/**
 * Records what an attempt came to: the report, where there is one, then the outcome, unless the job has one. A job that was cancelled and
 * deleted in this moment does not come back by it.
 * @throws AppError STORAGE_*
 */
export async function finishAttempt(
  blobs: Pick<BlobStore, 'stat' | 'remove'>,
  jobs: JobStore,
  record: JobRecord,
  report: Report | null,
): Promise<void> {
  if (report) await jobs.putReport(report);
  await jobs.finish(record);
  if (await blobs.stat(jobKey(record.id))) return;
  await blobs.remove(reportKey(record.id));
  await blobs.remove(outcomeKey(record.id));
}
