import type { SandboxedJob } from 'bullmq';
import type { ExecutionTask } from '../resources/jobs/executions/task.ts';
import { parseTraceContext, type TraceContext, traceIdOf } from '../tracing/trace-context.ts';

/** The queue of dispatched executions. */
export const QUEUE_NAME = 'jobs';

/** Attributes of spans about the queue, by https://opentelemetry.io/docs/specs/semconv/messaging/. */
export const QUEUE_ATTRIBUTES = {
  'messaging.system': 'bullmq',
  'messaging.destination.name': QUEUE_NAME,
};

/** Data of a queued job besides its id, which identifies the execution: the request for which it runs. */
export interface JobData {
  readonly requestId?: string;
  readonly keyId?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** The data that BullMQ passes to a compute process. */
export interface TaskData extends JobData {
  readonly task: ExecutionTask;
  /** The start of the attempt, by `machineMs`. */
  readonly begunMs: number;
}

/** A job as a compute process receives it from BullMQ. */
export type ComputeJob = SandboxedJob<TaskData>;

/** Milliseconds of a monotonic clock that all processes of a machine share. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** A job's place in a trace, if it has one. */
export const contextOf = (data: JobData): TraceContext | undefined =>
  parseTraceContext(data.traceparent, data.tracestate);

/** The fields of every log line of an execution. */
export function logIdsOf({ id, data }: { readonly id?: string | undefined; readonly data: JobData }): {
  dispatch: string | undefined;
  requestId?: string;
  keyId?: string;
  traceId?: string;
} {
  const { requestId, keyId } = data;
  const context = contextOf(data);
  return {
    dispatch: id,
    ...(requestId !== undefined && { requestId }),
    ...(keyId !== undefined && { keyId }),
    ...(context && { traceId: traceIdOf(context) }),
  };
}
