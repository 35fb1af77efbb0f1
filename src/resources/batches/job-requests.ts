import type { BatchRequest } from '../../contract/batch.ts';
import type { JobRequest } from '../../contract/job-request.ts';

/** What a batch asks of each job: what it says itself holds where the job does not say. */
export function jobRequestsOf(request: BatchRequest): JobRequest[] {
  const { labels, results, priority, ttl_seconds, reuse } = request;
  const settings = defined({ priority, ttl_seconds, reuse });
  if ('jobs' in request) {
    return request.jobs.map(
      (job) =>
        ({
          ...settings,
          ...job,
          ...defined({ labels: merged(labels, job.labels) }),
          // Others make no adapters.
          ...('targets' in job && defined({ results: merged(results, job.results) })),
        }) as JobRequest,
    );
  }
  const { adapter_ids, kind = 'squeeze', targets, options } = request;
  const work = kind === 'analyze' ? { kind } : { kind, targets: targets!, ...defined({ options }) };
  return adapter_ids.map(
    (adapter_id) => ({ ...settings, ...work, adapter_id, ...defined({ labels, results }) }) as JobRequest,
  );
}

/** Field by field, the job's own first. */
const merged = <T extends object>(ofBatch: T | undefined, ofJob: T | undefined): T | undefined =>
  ofBatch === undefined && ofJob === undefined ? undefined : ({ ...ofBatch, ...ofJob } as T);

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
