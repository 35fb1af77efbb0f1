import type { Registry } from 'prom-client';

/** One metric as it is declared, whether or not it has a value yet. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Every metric of a registry, in the order of its declaration. */
export function familiesOf(registry: Registry): MetricFamily[] {
  return registry.getMetricsAsArray().map((metric) => {
    // prom-client keeps them on every metric; its types do not say so.
    const { labelNames = [] } = metric as { labelNames?: readonly string[] };
    return { name: metric.name, type: String(metric.type), help: metric.help, labels: [...labelNames] };
  });
}
