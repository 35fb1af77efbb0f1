import type { TraceContext } from './trace-context.ts';

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** The context to which the span belongs; undefined: it begins a new trace. */
  readonly parent: TraceContext | undefined;
  readonly attributes?: Attributes;
}

export type SpanKind = 'server' | 'producer' | 'consumer' | 'internal';

/** An operation with a duration, as a trace shows it. */
export interface Span {
  /** The context for work on behalf of this span; undefined if there is no trace. */
  readonly context: TraceContext | undefined;
  /** Undefined values are ignored. */
  set(attributes: Attributes): void;
  /** Marks the span as failed, by a stable code or a short reason; never a message that may quote an input. */
  fail(reason: string): void;
  end(): void;
}

/** Where spans are recorded. */
export interface Tracing {
  start(name: string, kind: SpanKind, options: SpanOptions): Span;
  /** Sends the spans that have ended so far. Returns after `timeoutMs` at the latest, and never fails. */
  flush(timeoutMs: number): Promise<void>;
  /** Sends the remaining spans and shuts down, with the same guarantees as `flush`. */
  close(timeoutMs: number): Promise<void>;
}

const doNothing = (): void => undefined;
const atOnce = async (): Promise<void> => undefined;

/**
 * Records nothing, but passes on the client's trace context, if any, so that its trace id still appears in every log
 * line.
 */
export const NO_TRACING: Tracing = {
  start: (_name, _kind, { parent }) => ({ context: parent, set: doNothing, fail: doNothing, end: doNothing }),
  flush: atOnce,
  close: atOnce,
};

export interface TracingOptions {
  /**
   * If false, OpenTelemetry's SDK is not loaded at all. Address, headers and sampling are configured by OTEL_*
   * variables.
   */
  readonly isOn: boolean;
  readonly serviceName: string;
  readonly version: string;
  /** 'api', 'worker', 'all' or 'compute'. */
  readonly role: string;
  /** Called when spans cannot be delivered. */
  readonly onFailure: (message: string) => void;
}

/** Opens tracing as configured. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  if (!options.isOn) return NO_TRACING;
  const { OtelTracing } = await import('./otel-tracing.ts');
  return new OtelTracing(options);
}
