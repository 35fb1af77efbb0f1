import type { JobRecord } from '../../contract/job.ts';
import type { JobPriority, JobRequest, JobSettings, RecordedJobRequest } from '../../contract/job-request.ts';
import type { Labels } from '../../contract/labels.ts';
import { timedIdMs } from '../../database/ids.ts';
import { pendingDeliveries } from './adapters-of-request.ts';
import { recordedRequest, type TransferDesk } from './transfer-desk.ts';

/** How a job is treated, with nothing left open. */
export interface Treatment {
  readonly labels: Labels;
  readonly priority: JobPriority;
  readonly ttlSeconds: number | null;
  /** Whether work that was done, or is under way, for an equal request may be its own. */
  readonly reuse: boolean;
  readonly batchId: string | null;
  readonly retryOf: string | null;
}

export const PLAIN: Treatment = {
  labels: {},
  priority: 'normal',
  ttlSeconds: null,
  reuse: true,
  batchId: null,
  retryOf: null,
};

/**
 * What a request asks for, and how that is to be treated.
 * @param desk for adapters from and to elsewhere; undefined: they are refused
 * @throws AppError as recordedRequest
 */
export function taken(
  request: JobRequest,
  desk?: TransferDesk,
): { work: RecordedJobRequest; treatment: Treatment } {
  const { labels, priority, ttl_seconds: ttlSeconds, reuse, ...rest } = request as JobRequest & JobSettings;
  const said = { labels, priority, ttlSeconds, reuse };
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { work: recordedRequest(rest as JobRequest, desk), treatment: { ...PLAIN, ...given } };
}

/** The record of a job that was accepted just now. */
export function acceptedJob(id: string, work: RecordedJobRequest, treatment: Treatment = PLAIN): JobRecord {
  return {
    id,
    kind: work.kind,
    state: 'queued',
    progress: { phase: 'waiting', done: 0, total: 0, module: null },
    created_at: new Date(timedIdMs(id)).toISOString(),
    started_at: null,
    finished_at: null,
    attempts: 0,
    labels: treatment.labels,
    priority: treatment.priority,
    ttl_seconds: treatment.ttlSeconds,
    expires_at: null,
    batch_id: treatment.batchId,
    retry_of: treatment.retryOf,
    reused: false,
    request: work,
    imported: null,
    results: [],
    deliveries: pendingDeliveries(work),
    timings: null,
    provider: null,
    error: null,
  };
}
