import type { MetricFactory } from './metric-factory.ts';

/** The state of the systems on which a process depends. */
export interface ReadinessView {
  readonly parts: readonly { readonly part: string; readonly isUsable: boolean }[];
  readonly reasons: readonly { readonly part: string; readonly code: string }[];
}

/** The readiness that /readyz reports, checked on every scrape, for graphs and alerts. */
export class ReadinessMetrics {
  private readView: (() => Promise<ReadinessView>) | undefined;

  constructor(make: MetricFactory) {
    make.gauge(
      'ready',
      '1 if the process can use a part that it depends on (storage, database, queue, secrets; provider for a worker), otherwise 0; checked at each scrape.',
      ['part'],
      async (gauge) => {
        const { parts } = (await this.readView?.()) ?? { parts: [] };
        for (const { part, isUsable } of parts) gauge.set({ part }, isUsable ? 1 : 0);
      },
    );
    make.gauge(
      'degraded',
      'The reasons that /readyz gives, by part and code: always 1, and absent if there are none. Includes parts that work but are at risk, such as a queue from which Redis may evict keys.',
      ['part', 'code'],
      async (gauge) => {
        const { reasons } = (await this.readView?.()) ?? { reasons: [] };
        for (const { part, code } of reasons) gauge.set({ part, code }, 1);
      },
    );
  }

  /** Sets the function that is called at each scrape; it must not fail. Before the first call there are no values. */
  watch(readView: () => Promise<ReadinessView>): void {
    this.readView = readView;
  }
}
