import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Broker } from '../../src/queue/broker.ts';
import { Maintenance, type MaintenanceOptions, type SweepObserver } from '../../src/queue/maintenance.ts';
import { SweepCounts } from '../../src/resources/contents/sweep.ts';
import type { SweepOutcome } from '../../src/resources/sweeper.ts';
import { PREFIX, SILENT, startBroker, until, withFolder } from './harness.ts';

/** The queue's part, with a sweep that only waits; the real one has its own tests. */
function scripted(work: () => Promise<void>) {
  const rounds = { running: 0, most: 0, begun: 0, done: 0 };
  const sweep = async (): Promise<SweepOutcome> => {
    rounds.begun++;
    rounds.most = Math.max(rounds.most, ++rounds.running);
    try {
      await work();
    } finally {
      rounds.running--;
    }
    rounds.done++;
    return { swept: new SweepCounts(), totals: { adapters: 0, bytes: 0 }, seconds: 0 };
  };
  return { rounds, sweeper: { sweep } };
}

const NO_OBSERVER: SweepObserver = { done: () => undefined, failed: () => undefined };

const withBroker = (work: (broker: Broker) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    const broker = await startBroker(folder);
    try {
      await work(broker);
    } finally {
      await broker.close();
    }
  });

const maintenanceOf = (broker: Broker, options: Partial<MaintenanceOptions>): Maintenance =>
  new Maintenance({
    address: { socketPath: broker.socketPath },
    prefix: PREFIX,
    intervalMs: 100,
    sweeper: scripted(async () => undefined).sweeper,
    metrics: NO_OBSERVER,
    logger: SILENT,
    ...options,
  });

describe('Maintenance', () => {
  it('sweeps periodically, one sweep at a time over all processes', async () => {
    await withBroker(async (broker) => {
      const { rounds, sweeper } = scripted(() => sleep(150));
      const several = [1, 2, 3].map(() => maintenanceOf(broker, { sweeper }));
      for (const one of several) one.start();
      await until('six rounds', () => rounds.done >= 6 || undefined);
      await Promise.all(several.map((one) => one.close(5_000)));
      assert.equal(rounds.most, 1);
      const { begun } = rounds;
      // Three intervals, during which no other sweep may begin.
      await sleep(300);
      assert.equal(rounds.begun, begun, 'and no more when they are closed');
    });
  });

  it('continues after a sweep that failed, and reports both', async () => {
    await withBroker(async (broker) => {
      const calls: string[] = [];
      const metrics = { done: () => calls.push('done'), failed: () => calls.push('failed') };
      let round = 0;
      const { sweeper } = scripted(async () => {
        if (round++ === 0) throw new Error('the storage is away');
      });
      const maintenance = maintenanceOf(broker, { sweeper, metrics });
      maintenance.start();
      await until('a good round', () => calls.includes('done') || undefined);
      assert.equal(calls[0], 'failed');
      await maintenance.close(1_000);
    });
  });

  it('adopts a new interval, and leaves a schedule that already fits', async () => {
    await withBroker(async (broker) => {
      const connection = { path: broker.socketPath };
      const queue = new Queue('maintenance', { connection, prefix: PREFIX });
      const started: Maintenance[] = [];
      const start = (intervalMs: number): void => {
        const maintenance = maintenanceOf(broker, { intervalMs });
        started.push(maintenance);
        maintenance.start();
      };
      const next = () => queue.getJobScheduler('sweep');
      try {
        start(3_600_000);
        // The first sweep is immediate; the scheduled one is the next.
        const planned = await until('a schedule', async () => {
          const found = (await next())?.next ?? 0;
          return found > Date.now() + 60_000 ? found : undefined;
        });
        start(3_600_000);
        // No event shows that it has checked and changed nothing.
        await sleep(300);
        assert.equal((await next())?.next, planned);
        start(7_200_000);
        await until('the new interval', async () => (await next())?.every === 7_200_000 || undefined);
      } finally {
        await Promise.all(started.map((maintenance) => maintenance.close(1_000)));
        await queue.close();
      }
    });
  });

  it('schedules again if the clock was set back', async (t) => {
    await withBroker(async (broker) => {
      const queue = new Queue('maintenance', { connection: { path: broker.socketPath }, prefix: PREFIX });
      const [hourMs, dayMs] = [3_600_000, 86_400_000];
      const next = async () => (await queue.getJobScheduler('sweep'))?.next ?? 0;
      const two = [
        maintenanceOf(broker, { intervalMs: hourMs }),
        maintenanceOf(broker, { intervalMs: hourMs }),
      ];
      try {
        const rightNow = Date.now;
        const clock = t.mock.method(Date, 'now', () => rightNow() + dayMs);
        two[0]!.start();
        await until('a schedule', async () => (await next()) > rightNow() + dayMs || undefined);
        clock.mock.restore();
        two[1]!.start();
        await until('a sweep within the hour', async () => {
          const planned = await next();
          return (planned > 0 && planned <= Date.now() + 2 * hourMs) || undefined;
        });
      } finally {
        await Promise.all(two.map((maintenance) => maintenance.close(1_000)));
        await queue.close();
      }
    });
  });

  it('closes during a sweep that takes too long, and without Redis', async () => {
    await withFolder(async (folder) => {
      const broker = await startBroker(folder);
      const { rounds, sweeper } = scripted(() => sleep(600_000, undefined, { ref: false }));
      const maintenance = maintenanceOf(broker, { sweeper });
      maintenance.start();
      await until('a round', () => rounds.begun > 0 || undefined);
      await maintenance.close(100);
      await broker.close();
      const lonely = maintenanceOf(broker, {});
      lonely.start();
      // Closed while it tries to connect, for which there is no event.
      await sleep(100);
      await lonely.close(100);
    });
  });
});
