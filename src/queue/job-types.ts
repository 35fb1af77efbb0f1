import { type TraceContext, traceContextOf, traceIdOf } from '../tracing/trace-context.ts';

/** The queue of all jobs. */
export const QUEUE_NAME = 'jobs';

/** What spans say of the queue, in the words of https://opentelemetry.io/docs/specs/semconv/messaging/. */
export const QUEUE_ATTRIBUTES = {
  'messaging.system': 'bullmq',
  'messaging.destination.name': QUEUE_NAME,
};

/**
 * What a job of the queue carries besides its id: whose it is, which with the id leads to the record in the storage, and
 * on whose behalf it is done. The latter is not needed: a job that is queued again because Redis lost it has none.
 */
export interface JobData {
  readonly tenant: string;
  readonly requestId?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly storageTrouble?: StorageTrouble;
}

/** What the storage cost a job so far. */
export interface StorageTrouble {
  /** Attempts that it failed and that were not counted. */
  readonly times: number;
  /** What these took, with the pauses after them. */
  readonly spentMs: number;
}

/** The attempts at a job that were begun, without those that the storage failed. */
export const countedAttempts = (job: { readonly attemptsStarted?: number; readonly data: JobData }): number =>
  (job.attemptsStarted ?? 1) - (job.data.storageTrouble?.times ?? 0);

/** What a job moved, for the metrics; null where an earlier attempt had done the work already. */
export type JobTotals = {
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
} | null;

/** Set for a job that is to stop; whoever runs it looks there. */
export const cancelKey = (prefix: string, jobId: string): string => `${prefix}:cancel:${jobId}`;

/** A job's place in a trace, if it has one. */
export const contextOf = (data: JobData): TraceContext | undefined =>
  traceContextOf(data.traceparent, data.tracestate);

/** What every log line of a job has. */
export function logIdsOf(job: { readonly id?: string | undefined; readonly data: JobData }): {
  jobId: string | undefined;
  requestId?: string;
  traceId?: string;
} {
  const { requestId } = job.data;
  const context = contextOf(job.data);
  return {
    jobId: job.id,
    ...(requestId !== undefined && { requestId }),
    ...(context && { traceId: traceIdOf(context) }),
  };
}
