import type { JobRecord } from '../../contract/job.ts';
import type { JobPriority, JobRequest, JobSettings, RecordedJobRequest } from '../../contract/job-request.ts';
import type { Labels } from '../../contract/labels.ts';
import { timedIdMs } from '../../database/ids.ts';
import type { AppError } from '../../errors/app-error.ts';
import { invalidField } from '../../errors/field-errors.ts';
import { pendingDeliveries } from './adapters-of-request.ts';
import type { EndpointRecorder } from './endpoint-recorder.ts';
import { checkedPriority } from './priority-ceiling.ts';
import { recordedHere, recordedRequest } from './transfer-requests.ts';

/** How a job is treated, with all defaults filled in. */
export interface JobOptions {
  readonly name: string | null;
  readonly labels: Labels;
  readonly priority: JobPriority;
  readonly ttlSeconds: number | null;
  /** Whether the job may share the work of an equal request that is finished or under way. */
  readonly reuse: boolean;
  readonly batchId: string | null;
  readonly retryOf: string | null;
  /** Id of the webhook that was part of its request, or of the request of its batch. */
  readonly webhookId: string | null;
}

export const DEFAULT_JOB_OPTIONS: JobOptions = {
  name: null,
  labels: {},
  priority: 'normal',
  ttlSeconds: null,
  reuse: true,
  batchId: null,
  retryOf: null,
  webhookId: null,
};

export interface SplitRequest {
  readonly work: RecordedJobRequest;
  readonly options: JobOptions;
}

/**
 * Separates a request from the options of its job.
 * @param ceiling the highest priority that the caller may use
 * @throws AppError PRIORITY_TOO_HIGH
 * @throws AppError VALIDATION_FAILED if adapters are to be fetched or delivered, and for a dry run, which creates no
 *   job
 */
export function splitRequest(request: JobRequest, ceiling: JobPriority): SplitRequest {
  const { rest, options } = separateOptions(request, ceiling);
  return { work: recordedHere(rest), options };
}

/**
 * The same for requests that may fetch and deliver adapters.
 * @throws AppError PRIORITY_TOO_HIGH; as recordedRequest
 */
export async function splitWithTransfers(
  request: JobRequest,
  ceiling: JobPriority,
  recorder: EndpointRecorder,
): Promise<SplitRequest> {
  const { rest, options } = separateOptions(request, ceiling);
  return { work: await recordedRequest(rest, recorder), options };
}

function separateOptions(
  request: JobRequest,
  ceiling: JobPriority,
): { readonly rest: JobRequest; readonly options: JobOptions } {
  // The webhook of the request is handled separately.
  const {
    name,
    labels,
    priority: requested,
    ttl_seconds: ttlSeconds,
    reuse,
    webhook: _itsOwn,
    dry_run,
    ...rest
  } = request as JobRequest & JobSettings & { readonly dry_run?: boolean };
  if (dry_run) throw dryRunOfOneJob();
  const priority = checkedPriority(requested, ceiling);
  const options = { name, labels, priority, ttlSeconds, reuse };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { rest: rest as JobRequest, options: { ...DEFAULT_JOB_OPTIONS, ...given } };
}

/** The record of a job that has just been accepted. */
export function acceptedJob(
  id: string,
  work: RecordedJobRequest,
  options: JobOptions = DEFAULT_JOB_OPTIONS,
): JobRecord {
  return {
    id,
    kind: work.kind,
    state: 'queued',
    progress: { phase: 'waiting', done: 0, total: 0, module: null },
    created_at: new Date(timedIdMs(id)).toISOString(),
    started_at: null,
    finished_at: null,
    attempts: 0,
    name: options.name,
    labels: options.labels,
    priority: options.priority,
    ttl_seconds: options.ttlSeconds,
    expires_at: null,
    batch_id: options.batchId,
    retry_of: options.retryOf,
    webhook_id: options.webhookId,
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

/** The error for a dry run of one job among several: either all of them are a dry run, or none. */
function dryRunOfOneJob(): AppError {
  const detail = '"dry_run" applies to the whole request; set it at the top level, not in a job';
  return invalidField('/dry_run', detail);
}
