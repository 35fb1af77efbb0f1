import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  createTraceState,
  DiagLogLevel,
  diag,
  type Span as OtelSpan,
  SpanKind as OtelSpanKind,
  ROOT_CONTEXT,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { isSampled, spanIdOf, type TraceContext, traceIdOf } from './trace-context.ts';
import type { Attributes, Span, SpanKind, SpanOptions, Tracing, TracingOptions } from './tracing.ts';

const KINDS: Readonly<Record<SpanKind, OtelSpanKind>> = {
  server: OtelSpanKind.SERVER,
  producer: OtelSpanKind.PRODUCER,
  consumer: OtelSpanKind.CONSUMER,
  internal: OtelSpanKind.INTERNAL,
};

/**
 * OpenTelemetry spans, sent in batches by OTLP over HTTP as JSON. Importing this file loads the SDK, which reads its
 * own OTEL_* variables. Nothing is registered globally and nothing is patched: parents are passed explicitly.
 */
export class OtelTracing implements Tracing {
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;
  private readonly reportTrouble: (trouble: unknown) => void;

  constructor({ serviceName, version, role, onFailure }: TracingOptions) {
    const reportTrouble = (trouble: unknown): void => onFailure(reasonOf(trouble));
    this.reportTrouble = reportTrouble;
    const ignore = (): void => undefined;
    diag.setLogger(
      { error: reportTrouble, warn: reportTrouble, info: ignore, debug: ignore, verbose: ignore },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    const ours = resourceFromAttributes({
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': randomUUID(),
      'host.name': hostname(),
      'process.pid': process.pid,
      'lora_squeeze.role': role,
    });
    this.provider = new BasicTracerProvider({
      // OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME take precedence.
      resource: defaultResource()
        .merge(ours)
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    this.tracer = this.provider.getTracer('lora-squeeze', version);
  }

  start(name: string, kind: SpanKind, { parent, attributes = {} }: SpanOptions): Span {
    const options = { kind: KINDS[kind], attributes: known(attributes) };
    return new OtelTracingSpan(this.tracer.startSpan(name, options, contextOf(parent)));
  }

  async flush(timeoutMs: number): Promise<void> {
    await within(timeoutMs, this.provider.forceFlush().catch(this.reportTrouble));
  }

  async close(timeoutMs: number): Promise<void> {
    await within(timeoutMs, this.provider.shutdown().catch(this.reportTrouble));
  }
}

class OtelTracingSpan implements Span {
  readonly context: TraceContext;
  private readonly span: OtelSpan;

  constructor(span: OtelSpan) {
    this.span = span;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    const tracestate = traceState?.serialize();
    this.context = {
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
      ...(tracestate && { tracestate }),
    };
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(known(attributes));
  }

  fail(reason: string): void {
    this.span.setAttribute('error.type', reason);
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  }

  end(): void {
    this.span.end();
  }
}

function contextOf(parent: TraceContext | undefined): Context {
  if (!parent) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: traceIdOf(parent),
    spanId: spanIdOf(parent),
    traceFlags: isSampled(parent) ? 1 : 0,
    isRemote: true,
    ...(parent.tracestate && { traceState: createTraceState(parent.tracestate) }),
  });
}

const known = (attributes: Attributes): Record<string, string | number | boolean> =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

/** The text of an SDK error. The SDK rejects with lists of errors and reports others as JSON text. */
function reasonOf(trouble: unknown): string {
  if (Array.isArray(trouble)) return trouble.map(reasonOf).join('; ');
  if (trouble instanceof Error) return trouble.message;
  try {
    const { message } = JSON.parse(String(trouble)) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // Plain text.
  }
  return String(trouble);
}

/** A collector that does not answer must not delay the end of the process. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  timer.abort();
}
