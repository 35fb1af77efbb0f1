import type { QueueLoad, TenantLoad } from '../dispatch/queue-load.ts';
import type { MetricFactory } from './metric-factory.ts';
import { SharedRead } from './shared-read.ts';
import type { TenantLabels } from './tenants.ts';

/** The state of the queue according to the database, read at scrapes. If reading fails, the gauges are left out. */
export class QueueMetrics {
  private readonly load = new SharedRead<QueueLoad>();

  constructor(make: MetricFactory, tenants: TenantLabels) {
    const gauge = <L extends string>(
      name: string,
      help: string,
      label: L,
      values: (view: QueueLoad) => Iterable<readonly [string, number]>,
    ) =>
      make.gauge(name, help, [label], async (shown) => {
        const view = await this.load.value();
        for (const [value, count] of view ? values(view) : [])
          shown.set({ [label]: value } as Record<L, string>, count);
      });
    const sum = (view: QueueLoad, of: (load: TenantLoad) => number): number =>
      view.tenants.reduce((total, load) => total + of(load), 0);
    const each = (
      view: QueueLoad,
      of: (load: TenantLoad) => number | undefined,
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
      'Estimated seconds that one slot would need for all jobs, by state (waiting, active): the size of their weights divided by the speed of the workers. Waiting jobs of suspended tenants are left out.',
      'state',
      (view) => [
        ['waiting', sum(view, ({ waitingSeconds }) => waitingSeconds)],
        ['active', sum(view, ({ activeSeconds }) => activeSeconds)],
      ],
    );
    gauge(
      'worker_slots',
      'Slots of the live workers, each for one job at a time, by state: busy, idle, draining (the worker starts no more jobs).',
      'state',
      ({ slots }) => Object.entries(slots),
    );
  }

  /** Sets the function that is called at each scrape. Before the first call there are no values. */
  watch(read: () => Promise<QueueLoad>): void {
    this.load.setReader(read);
  }
}
