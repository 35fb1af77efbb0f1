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
      help: 'Whether a part the process depends on (storage, database, queue, secrets; of a worker provider) can be used: 1 or 0, checked at each scrape.',
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
      help: 'Everything that is not as it should be, by part and code, as /readyz says it: always 1, and absent when all is well. Also what works and is only at risk, such as a queue that Redis does not keep over a restart.',
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
