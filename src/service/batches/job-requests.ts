import type { BatchRequest } from '../../contract/batch.ts';
import type { JobRequest } from '../../contract/job-request.ts';
import type { Labels } from '../../contract/labels.ts';

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

const merged = (ofBatch: Labels | undefined, ofJob: Labels | undefined): Labels | undefined =>
  ofBatch === undefined && ofJob === undefined ? undefined : { ...ofBatch, ...ofJob };

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
