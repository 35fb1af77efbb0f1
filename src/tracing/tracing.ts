import type { TraceContext } from './trace-context.ts';

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** What the span belongs to; none: it begins a trace. */
  readonly parent: TraceContext | undefined;
  readonly attributes?: Attributes;
}

export type SpanKind = 'server' | 'producer' | 'consumer' | 'internal';

/** Something that takes time, as the trace shows it. */
export interface Span {
  /** The context for work on behalf of this span; undefined if there is no trace. */
  readonly context: TraceContext | undefined;
  /** Values that are undefined are left out. */
  set(attributes: Attributes): void;
  /** Marks the span as failed, by a stable code or a short reason; never a message that may quote an input. */
  fail(reason: string): void;
  end(): void;
}

/** Where spans go. */
export interface Tracing {
  start(name: string, kind: SpanKind, options: SpanOptions): Span;
  /** Sends what has ended so far. Returns after `timeoutMs` at the latest, and never fails. */
  flush(timeoutMs: number): Promise<void>;
  /** Sends the remaining spans and ends; the same promise as `flush`. */
  close(timeoutMs: number): Promise<void>;
}

const doNothing = (): void => undefined;
const atOnce = async (): Promise<void> => undefined;

/** Records nothing, and hands on the trace of a client that has one, so that its id still gets into every log. */
export const NO_TRACING: Tracing = {
  start: (_name, _kind, { parent }) => ({ context: parent, set: doNothing, fail: doNothing, end: doNothing }),
  flush: atOnce,
  close: atOnce,
};

export interface TracingOptions {
  /** False: nothing of OpenTelemetry's SDK is loaded. Address, headers and sampling are in OTEL_* variables. */
  readonly isOn: boolean;
  readonly serviceName: string;
  readonly version: string;
  /** 'api', 'worker', 'all' or 'compute'. */
  readonly role: string;
  /** Called when spans cannot be delivered. */
  readonly onTrouble: (message: string) => void;
}

/** Opens tracing as configured. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  if (!options.isOn) return NO_TRACING;
  const { OtelTracing } = await import('./otel-tracing.ts');
  return new OtelTracing(options);
}
