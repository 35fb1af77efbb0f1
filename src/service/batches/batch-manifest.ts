import type { BatchJob, BatchRequest } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { JobRequest } from '../../contract/job-request.ts';
import type { Labels } from '../../contract/labels.ts';
import { acceptedJob, taken } from '../accepted-job.ts';

/** A job of a batch. */
export interface Member {
  readonly id: string;
  /** What became of it, if it had succeeded before the batch came. */
  readonly reused?: BatchJob;
  /** The job that it does once more. */
  readonly retry_of?: string;
}

/**
 * A batch as it was accepted. All of it follows from this one record, the records of its jobs too: so when it is
 * written, the batch is there whole, and when it is not, there is nothing.
 */
export interface BatchManifest {
  readonly id: string;
  readonly request: BatchRequest;
  /** In the order of the jobs of the request. */
  readonly members: readonly Member[];
  readonly retry_of: string | null;
  /** How long the batch is kept after its end; null: until it is deleted. */
  readonly ttl_seconds: number | null;
  readonly created_at: string;
}

/** What a batch asks of each job: what it says itself holds where the job does not say. */
export function jobRequestsOf(request: BatchRequest): JobRequest[] {
  const { labels, priority, ttl_seconds, reuse } = request;
  const settings = defined({ priority, ttl_seconds, reuse });
  if ('jobs' in request) {
    return request.jobs.map(
      (job) => ({ ...settings, ...job, ...defined({ labels: merged(labels, job.labels) }) }) as JobRequest,
    );
  }
  const { adapter_ids, kind = 'squeeze', targets, options } = request;
  const work = kind === 'analyze' ? { kind } : { kind, targets: targets!, ...defined({ options }) };
  return adapter_ids.map(
    (adapter_id) => ({ ...settings, ...work, adapter_id, ...defined({ labels }) }) as JobRequest,
  );
}

/** The records of the jobs that a batch made, as they are accepted. */
export function jobsOf({ id: batchId, request, members }: BatchManifest): JobRecord[] {
  const requests = jobRequestsOf(request);
  return members.flatMap(({ id, reused, retry_of }, index) => {
    if (reused) return [];
    const { work, treatment } = taken(requests[index]!);
    return [acceptedJob(id, work, { ...treatment, batchId, retryOf: retry_of ?? null })];
  });
}

const merged = (ofBatch: Labels | undefined, ofJob: Labels | undefined): Labels | undefined =>
  ofBatch === undefined && ofJob === undefined ? undefined : { ...ofBatch, ...ofJob };

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
