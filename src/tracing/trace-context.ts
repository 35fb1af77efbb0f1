/** The context of a span as W3C Trace Context defines it, passed from process to process. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/**
 * https://www.w3.org/TR/trace-context/#traceparent-header; versions above 00 may append more fields after the flags.
 */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The standard requires at least 512; longer values are dropped, as it allows. */
const MAX_TRACESTATE_LENGTH = 512;
const TRACESTATE = /^[\x20-\x7e]+$/;

/**
 * The trace context of a request or a queued job; undefined if it has none, or an invalid one.
 * @param traceparent a header, or the value that the queue stores
 */
export function parseTraceContext(traceparent: unknown, tracestate?: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || (version === '00' && more !== undefined)) return undefined;
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(isTracestate(tracestate) && { tracestate }),
  };
}

/** The id that the spans of all processes share: 32 hexadecimal digits. */
export const traceIdOf = ({ traceparent }: TraceContext): string => traceparent.slice(3, 35);

/** The id of the span itself: 16 hexadecimal digits. */
export const spanIdOf = ({ traceparent }: TraceContext): string => traceparent.slice(36, 52);

/** Whether the spans of this trace are recorded. */
export const isSampled = ({ traceparent }: TraceContext): boolean =>
  (Number.parseInt(traceparent.slice(53, 55), 16) & 1) === 1;

const isTracestate = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TRACESTATE_LENGTH && TRACESTATE.test(value);
