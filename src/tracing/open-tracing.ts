import { NO_TRACING, type Tracing } from './tracing.ts';

export interface TracingOptions {
  /** False: nothing of OpenTelemetry's SDK is loaded. Address, headers and sampling are in OTEL_* variables. */
  readonly isOn: boolean;
  readonly serviceName: string;
  readonly version: string;
  /** 'api', 'worker', 'all' or 'compute'. */
  readonly role: string;
  /** Told when spans cannot be delivered. */
  readonly onTrouble: (message: string) => void;
}

/** Opens tracing as configured. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  if (!options.isOn) return NO_TRACING;
  const { OtelTracing } = await import('./otel-tracing.ts');
  return new OtelTracing(options);
}
