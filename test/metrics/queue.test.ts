import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QueueLoad, TenantLoad } from '../../src/dispatch/queue-load.ts';
import { Metrics } from '../../src/metrics/metrics.ts';

const load = (tenant: string, change: Partial<TenantLoad> = {}): TenantLoad => ({
  ...{ tenant, waiting: 0, active: 0, delayed: 0 },
  ...{ waitingSeconds: 0, activeSeconds: 0, oldestSeconds: undefined, ...change },
});
const view = (...tenants: TenantLoad[]): QueueLoad => ({ tenants, slots: { busy: 1, idle: 2, draining: 3 } });

/** The gauges of the queue, by name and labels. */
async function shown(metrics: Metrics): Promise<Record<string, number>> {
  const lines = [...(await metrics.render()).matchAll(/^lora_squeeze_((?:queue|worker_slots)\S*) (\S+)$/gm)];
  return Object.fromEntries(lines.map(([, name, value]) => [name, Number(value)]));
}

describe('the gauges of the queue', () => {
  it('have a series for some tenants, and one for all others together', async () => {
    const metrics = new Metrics({ version: '1.2.3' }, { tenants: 2 });
    metrics.tenants.name(['large']);
    metrics.queue.watch(async () =>
      view(
        load('first', { waiting: 1, delayed: 2, oldestSeconds: 5 }),
        load('second', { waiting: 3, oldestSeconds: 9, waitingSeconds: 4 }),
        load('third', { waiting: 4, oldestSeconds: 7, waitingSeconds: 6 }),
        load('large', { active: 8, activeSeconds: 80 }),
      ),
    );
    assert.deepEqual(await shown(metrics), {
      'queue_jobs{state="waiting"}': 8,
      'queue_jobs{state="active"}': 8,
      'queue_jobs{state="delayed"}': 2,
      'queue_waiting_jobs{tenant="first"}': 3,
      'queue_waiting_jobs{tenant="other"}': 7,
      'queue_waiting_jobs{tenant="large"}': 0,
      'queue_oldest_seconds{tenant="first"}': 5,
      'queue_oldest_seconds{tenant="other"}': 9,
      'queue_work_seconds{state="waiting"}': 10,
      'queue_work_seconds{state="active"}': 80,
      'worker_slots{state="busy"}': 1,
      'worker_slots{state="idle"}': 2,
      'worker_slots{state="draining"}': 3,
    });
  });

  it('are read at every scrape, once for all of them, and drop what is gone', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    let looks = 0;
    let now = view(load('one', { waiting: 3, oldestSeconds: 1 }));
    metrics.queue.watch(async () => {
      looks++;
      return now;
    });
    assert.equal((await shown(metrics))['queue_oldest_seconds{tenant="one"}'], 1);
    now = view();
    const later = await shown(metrics);
    assert.equal(later['queue_oldest_seconds{tenant="one"}'], undefined);
    assert.equal(later['queue_jobs{state="waiting"}'], 0);
    assert.equal(looks, 2);
  });

  it('are omitted if reading fails or hangs', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    for (const read of [() => Promise.reject(new Error('no database')), () => new Promise<never>(() => {})]) {
      metrics.queue.watch(read);
      assert.deepEqual(await shown(metrics), {});
    }
  });

  it('are not read again while reading hangs', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    let looks = 0;
    metrics.queue.watch(() => {
      looks++;
      return new Promise<never>(() => {});
    });
    for (let scrape = 0; scrape < 2; scrape++) assert.deepEqual(await shown(metrics), {});
    assert.equal(looks, 1);
  });

  it('distinguish no tenants unless configured', async () => {
    const metrics = new Metrics({ version: '1.2.3' }, { tenants: 0 });
    metrics.tenants.name(['one']);
    metrics.queue.watch(async () => view(load('one', { waiting: 1 })));
    assert.equal((await shown(metrics))['queue_waiting_jobs{tenant="other"}'], 1);
  });
});
