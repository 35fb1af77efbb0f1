import assert from 'node:assert/strict';
import { it } from 'node:test';
import { queueLoad } from '../../src/dispatch/queue-load.ts';
import { onEachDialect } from '../database/dialects.ts';
import { addTenants, addWaiting, addWorker } from './fleet.ts';

onEachDialect('the load of the queue', (database) => {
  const loads = async () => new Map((await queueLoad(database())).tenants.map((load) => [load.tenant, load]));

  it('is zero at first, without workers', async () => {
    const slots = { busy: 0, idle: 0, draining: 0 };
    assert.deepEqual(await queueLoad(database()), { tenants: [], slots });
  });

  it('is reported for each tenant, with the expected seconds of slots', async () => {
    await addTenants(database(), ['one', 'two']);
    await addWorker(database(), 2, { msPerMib: 1_000 });
    const later = { not_before: Date.now() + 50_000, dispatch_no: 1 };
    await addWaiting(database(), 2, { tenant: 'one', mib: 4 });
    await addWaiting(database(), 1, { tenant: 'one', mib: 9, change: later });
    const sent = { state: 'dispatched' as const, dispatch_no: 1, dispatched_at: Date.now() };
    await addWaiting(database(), 1, { tenant: 'two', mib: 1, change: sent });
    await addWaiting(database(), 3, { tenant: 'two', mib: 2, change: { ...sent, started_at: Date.now() } });
    const found = await loads();
    assert.deepEqual(
      { ...found.get('one'), oldestSeconds: 0 },
      {
        ...{ tenant: 'one', waiting: 2, active: 0, delayed: 1 },
        ...{ waitingSeconds: 20, activeSeconds: 0, oldestSeconds: 0 },
      },
    );
    assert.deepEqual(
      { ...found.get('two'), oldestSeconds: 0 },
      {
        ...{ tenant: 'two', waiting: 1, active: 3, delayed: 0 },
        ...{ waitingSeconds: 2, activeSeconds: 9, oldestSeconds: 0 },
      },
    );
  });

  it('has the age of the oldest job that has not begun and the waiting work, except for suspended tenants', async () => {
    const old = (msAgo: number): string =>
      `${(Date.now() - msAgo).toString(16).padStart(12, '0')}${'0'.repeat(20)}`;
    await addTenants(database(), ['one', 'begun']);
    await addTenants(database(), ['held'], { suspended_at: 1 });
    await addWaiting(database(), 1, { tenant: 'one', change: { id: `ex_${old(90_000)}` } });
    await addWaiting(database(), 1, { tenant: 'one' });
    await addWaiting(database(), 1, { tenant: 'held', change: { id: `ex_${old(80_000)}` } });
    const begun = { state: 'dispatched' as const, dispatch_no: 1, started_at: Date.now() };
    await addWaiting(database(), 1, { tenant: 'begun', change: { ...begun, id: `ex_${old(70_000)}` } });
    const found = await loads();
    const seconds = found.get('one')!.oldestSeconds!;
    assert.ok(seconds >= 90 && seconds < 600, String(seconds));
    assert.deepEqual(
      ['held', 'begun'].map((tenant) => found.get(tenant)!.oldestSeconds),
      [undefined, undefined],
    );
    // Otherwise workers would be added for work that none of them may do.
    assert.deepEqual(
      ['one', 'held'].map((tenant) => found.get(tenant)!.waitingSeconds > 0),
      [true, false],
    );
  });

  it('counts the slots of live workers, and of those being drained', async () => {
    const id = await addWorker(database(), 3);
    const drained = await addWorker(database(), 5);
    await addWorker(database(), 50, { seenMsAgo: 60_000 });
    await database().write(async (writer) => {
      await writer.updateTable('worker').set({ running: 2 }).where('id', '=', id).execute();
      await writer.updateTable('worker').set({ draining_at: 1 }).where('id', '=', drained).execute();
    });
    assert.deepEqual((await queueLoad(database())).slots, { busy: 2, idle: 1, draining: 5 });
  });
});
