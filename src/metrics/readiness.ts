import { Gauge, type Registry } from 'prom-client';

/** Resolves when the part can be used, fails with the reason when it cannot. */
export type ReadinessCheck = () => Promise<void>;

/** A part that does not answer for this long counts as not ready, as it does for /readyz. */
const CHECK_TIMEOUT_MS = 900;

/**
 * Whether each part a process depends on can be used, looked at on every scrape: what /readyz tells a load balancer,
 * for those who watch a graph.
 */
export class ReadinessMetrics {
  private checks: Readonly<Record<string, ReadinessCheck>> = {};

  constructor(registry: Registry) {
    const readiness = this;
    new Gauge({
      name: 'lora_squeeze_ready',
      help: 'Whether a part the process depends on (storage, queue, secrets; of a worker provider) can be used: 1 or 0, checked at each scrape.',
      labelNames: ['part'],
      registers: [registry],
      async collect() {
        this.reset();
        const parts = Object.entries(readiness.checks);
        const answers = await Promise.all(parts.map(([, check]) => passesInTime(check)));
        for (const [i, [part]] of parts.entries()) this.set({ part }, answers[i] ? 1 : 0);
      },
    });
  }

  /** From now on these parts are looked at; before, none is shown. */
  watch(checks: Readonly<Record<string, ReadinessCheck>>): void {
    this.checks = checks;
  }
}

async function passesInTime(check: ReadinessCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, CHECK_TIMEOUT_MS, false);
  });
  try {
    const passes = check().then(
      () => true,
      () => false,
    );
    return await Promise.race([passes, tooLate]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
