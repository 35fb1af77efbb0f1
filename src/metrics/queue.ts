import { Gauge, type Registry } from 'prom-client';
import type { TenantLabels } from './tenants.ts';
import { withinTime } from './within-time.ts';

/** What all tenants have to do, and who is there to do it; see dispatch/queue-load.ts. */
export interface QueueView {
  readonly tenants: readonly {
    readonly tenant: string;
    readonly waiting: number;
    readonly active: number;
    readonly delayed: number;
    readonly waitingSeconds: number;
    readonly activeSeconds: number;
    readonly oldestSeconds: number | undefined;
  }[];
  readonly slots: Readonly<Record<'busy' | 'idle' | 'draining', number>>;
}

/** The queue as the database knows it, looked at on scrapes. Where that fails the gauges are left out. */
export class QueueMetrics {
  private read: (() => Promise<QueueView>) | undefined;
  /** All gauges of a scrape share one. */
  private looking: Promise<QueueView | undefined> | undefined;

  constructor(registry: Registry, tenants: TenantLabels) {
    const queue = this;
    const gauge = <L extends string>(
      name: string,
      help: string,
      label: L,
      values: (view: QueueView) => Iterable<readonly [string, number]>,
    ) =>
      new Gauge({
        name: `lora_squeeze_${name}`,
        help,
        labelNames: [label],
        registers: [registry],
        async collect() {
          this.reset();
          const view = await queue.look();
          if (view)
            for (const [value, count] of values(view))
              this.set({ [label]: value } as Record<L, string>, count);
        },
      });
    const sum = (view: QueueView, of: (load: QueueView['tenants'][number]) => number): number =>
      view.tenants.reduce((total, load) => total + of(load), 0);
    const each = (
      view: QueueView,
      of: (load: QueueView['tenants'][number]) => number | undefined,
      join: (one: number, other: number) => number,
    ): Map<string, number> => {
      const joined = new Map<string, number>();
      for (const load of view.tenants) {
        const [label, value] = [tenants.of(load.tenant), of(load)];
        const before = joined.get(label);
        if (value !== undefined) joined.set(label, before === undefined ? value : join(before, value));
      }
      return joined;
    };
    gauge(
      'queue_jobs',
      'Jobs in the queue, by state: waiting, active, delayed (until their next attempt).',
      'state',
      (view) => [
        ['waiting', sum(view, ({ waiting }) => waiting)],
        ['active', sum(view, ({ active }) => active)],
        ['delayed', sum(view, ({ delayed }) => delayed)],
      ],
    );
    gauge('queue_waiting_jobs', 'Jobs that are waiting for a worker, by tenant.', 'tenant', (view) =>
      each(
        view,
        ({ waiting, delayed }) => waiting + delayed,
        (one, other) => one + other,
      ),
    );
    gauge(
      'queue_oldest_seconds',
      'Seconds that the oldest job that has not started has waited, by tenant. Jobs of suspended tenants are left out; absent if none waits.',
      'tenant',
      (view) => each(view, ({ oldestSeconds }) => oldestSeconds, Math.max),
    );
    gauge(
      'queue_work_seconds',
      'Estimated seconds that one slot would need for all jobs, by state (waiting, active): the size of their weights divided by the speed of the workers.',
      'state',
      (view) => [
        ['waiting', sum(view, ({ waitingSeconds }) => waitingSeconds)],
        ['active', sum(view, ({ activeSeconds }) => activeSeconds)],
      ],
    );
    gauge(
      'worker_slots',
      'Jobs that the live workers can run at once, by state: busy, idle, draining (of workers that start no more jobs).',
      'state',
      ({ slots }) => Object.entries(slots),
    );
  }

  /** From now on this is looked at; before, nothing is shown. */
  watch(read: () => Promise<QueueView>): void {
    this.read = read;
  }

  private look(): Promise<QueueView | undefined> {
    if (!this.read) return Promise.resolve(undefined);
    this.looking ??= withinTime(this.read()).finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }
}
