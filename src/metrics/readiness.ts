import { Gauge, type Registry } from 'prom-client';

/** What is known of the parts that a process depends on. */
export interface ReadinessView {
  readonly parts: readonly { readonly part: string; readonly isUsable: boolean }[];
  readonly reasons: readonly { readonly part: string; readonly code: string }[];
}

/** What /readyz tells a load balancer, looked at on every scrape, for those who watch a graph. */
export class ReadinessMetrics {
  private look: (() => Promise<ReadinessView>) | undefined;

  constructor(registry: Registry) {
    const readiness = this;
    new Gauge({
      name: 'lora_squeeze_ready',
      help: '1 if the process can use a part that it depends on (storage, database, queue, secrets; provider for a worker), otherwise 0; checked at each scrape.',
      labelNames: ['part'],
      registers: [registry],
      async collect() {
        this.reset();
        const { parts } = (await readiness.look?.()) ?? { parts: [] };
        for (const { part, isUsable } of parts) this.set({ part }, isUsable ? 1 : 0);
      },
    });
    new Gauge({
      name: 'lora_squeeze_degraded',
      help: 'The reasons that /readyz gives, by part and code: always 1, and absent if there are none. Includes parts that work but are at risk, such as a queue from which Redis may evict keys.',
      labelNames: ['part', 'code'],
      registers: [registry],
      async collect() {
        this.reset();
        const { reasons } = (await readiness.look?.()) ?? { reasons: [] };
        for (const { part, code } of reasons) this.set({ part, code }, 1);
      },
    });
  }

  /** From now on this is looked at, which must not fail; before, nothing is shown. */
  watch(look: () => Promise<ReadinessView>): void {
    this.look = look;
  }
}
