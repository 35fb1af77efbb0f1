import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Creates the metrics of a registry. All their names begin with `lora_squeeze_`. */
export class MetricFactory {
  private readonly registers: Registry[];

  constructor(registry: Registry) {
    this.registers = [registry];
  }

  /** @param collect called at every scrape, for counts that are not made as things happen */
  counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect?: (counter: Counter<L>) => Promise<void>,
  ): Counter<L> {
    const options = this.options(name, help, labelNames);
    if (!collect) return new Counter(options);
    return new Counter({
      ...options,
      collect() {
        return collect(this);
      },
    });
  }

  /** @param collect called at every scrape to set the current values; a series that it does not set is not shown */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const options = this.options(name, help, labelNames);
    if (!collect) return new Gauge(options);
    return new Gauge({
      ...options,
      collect() {
        // For a gauge without labels, a reset would show 0.
        if (labelNames.length > 0) this.reset();
        else this.remove();
        return collect(this);
      },
    });
  }

  histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ): Histogram<L> {
    return new Histogram({ ...this.options(name, help, labelNames), buckets });
  }

  private options<L extends string>(name: string, help: string, labelNames: readonly L[]) {
    return { name: `lora_squeeze_${name}`, help, labelNames, registers: this.registers };
  }
}
