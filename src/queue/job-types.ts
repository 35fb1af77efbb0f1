import { type TraceContext, traceContextOf, traceIdOf } from '../tracing/trace-context.ts';

/** The queue of all jobs. */
export const QUEUE_NAME = 'jobs';

/** What spans say of the queue, in the words of https://opentelemetry.io/docs/specs/semconv/messaging/. */
export const QUEUE_ATTRIBUTES = {
  'messaging.system': 'bullmq',
  'messaging.destination.name': QUEUE_NAME,
};

/**
 * What a job of the queue carries besides its id, which leads to the record in the storage: on whose behalf it is
 * done. None of it is needed: a job that is queued again because Redis lost it has nothing.
 */
export interface JobData {
  readonly requestId?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** What a job moved, for the metrics; null where an earlier attempt had done the work already. */
export type JobTotals = {
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
} | null;

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
