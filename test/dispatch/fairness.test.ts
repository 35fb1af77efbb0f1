import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { Dispatcher, parseDispatchId } from '../../src/dispatch/dispatcher.ts';
import { onEachDialect } from '../database/dialects.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { addTenants, addWaiting, addWorker } from './fleet.ts';
import { QuietTrials } from './quiet-trials.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

/** Longer than an execution that may wait for a slot. */
const LONG_MS = 10_000;

onEachDialect('fair dispatch', (database) => {
  const open = async (slots: number, tenants: readonly string[]) => {
    await addTenants(database(), tenants);
    return SimulatedFleet.open(database(), slots);
  };
  const sharesOf = ({ slotMs }: SimulatedFleet, ...tenants: string[]) =>
    tenants.map((tenant) => slotMs.get(tenant) ?? 0);

  for (const [ms, what] of [
    [LONG_MS, 'long'],
    [1_000, 'short'],
  ] as const)
    it(`starts a quiet tenant's job in time while another has thousands of ${what} ones queued`, async () => {
      const trials = await QuietTrials.open(database(), {
        tenants: 6,
        slots: 4,
        jobMs: ms,
        queued: 5_000,
        seed: 7,
      });
      const waits = await trials.run(20);
      const late = waits.filter((wait) => wait > trials.bound);
      assert.deepEqual(late, [], `${waits}`);
      assert.ok(Math.max(...waits) > 0, 'it had to wait at all');
    });

  it('starts it in time after the queue has lost everything', async () => {
    const trials = await QuietTrials.open(database(), {
      tenants: 6,
      slots: 4,
      jobMs: 1_000,
      queued: 500,
      seed: 8,
    });
    let again = 0;
    const waits = await trials.run(15, async (fleet) => {
      again += await fleet.dropQueue();
    });
    assert.ok(again >= 15, `${again} were queued again`);
    assert.deepEqual(
      waits.filter((wait) => wait > trials.bound),
      [],
      `${waits}`,
    );
  });

  it('gives a tenant with three times the weight three times the seconds, whatever the expected duration of jobs', async () => {
    await addTenants(database(), ['heavy'], { weight: 300 });
    const fleet = await open(3, ['light']);
    // The jobs of one tenant take three times as long as expected, those of the other half as long.
    await fleet.submit('heavy', 400, { ms: 6_000, tookMs: 18_000 });
    await fleet.submit('light', 400, { ms: 6_000, tookMs: 3_000 });
    while (fleet.nowMs < 900_000) await fleet.step();
    const [heavy, light] = sharesOf(fleet, 'heavy', 'light');
    assert.ok(Math.abs(heavy! / light! - 3) < 0.3, `${heavy} ${light}`);
  });

  it('runs small jobs beside a huge one of another tenant', async () => {
    const fleet = await open(2, ['huge', 'small']);
    await fleet.submit('huge', 1, { ms: 1_100_000 });
    const small = await fleet.submit('small', 50, { ms: 500 });
    for (const [index, id] of small.entries()) assert.equal(await fleet.begin(id), index * 500);
  });

  it('never exceeds the number of jobs that a tenant may run, and does not delay others for it', async () => {
    await addTenants(database(), ['held'], { max_running: 2 });
    const fleet = await open(4, ['free']);
    const held = await fleet.submit('held', 20, { ms: 1_000 });
    await fleet.submit('free', 20, { ms: 1_000 });
    assert.deepEqual([fleet.runningOf('held'), fleet.runningOf('free')], [2, 2]);
    let most = 0;
    while (await fleet.step()) {
      const { count } = await database()
        .reader.selectFrom('execution')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('tenant', '=', 'held')
        .where('state', '=', 'dispatched')
        .executeTakeFirstOrThrow();
      most = Math.max(most, Number(count));
    }
    assert.equal(most, 2);
    assert.equal(fleet.started.filter(({ tenant }) => tenant === 'held').length, held.length);
    // One of the jobs that it may run may wait for a slot.
    assert.ok(fleet.nowMs < 15_000, String(fleet.nowMs));
  });

  it('dispatches no jobs of a tenant that is suspended or being deleted', async () => {
    await addTenants(database(), ['suspended'], { suspended_at: 1 });
    await addTenants(database(), ['going'], { deleting_at: 1 });
    const fleet = await open(4, ['other']);
    await fleet.submit('suspended', 3, { ms: LONG_MS });
    await fleet.submit('going', 3, { ms: LONG_MS });
    await fleet.submit('other', 3, { ms: LONG_MS });
    while (await fleet.step());
    assert.deepEqual(new Set(fleet.started.map(({ tenant }) => tenant)), new Set(['other']));
    await database().write((writer) =>
      writer.updateTable('tenant').set({ suspended_at: null }).where('id', '=', 'suspended').execute(),
    );
    await fleet.submit('other', 1, { ms: LONG_MS });
    assert.equal(fleet.runningOf('suspended'), 3);
  });

  it('neither saves up time for an idle tenant, nor charges it for time that no other tenant wanted', async () => {
    const fleet = await open(2, ['idle', 'alone']);
    // While it is alone it has all of the time.
    await fleet.submit('alone', 40, { ms: LONG_MS });
    while (await fleet.step());
    await fleet.submit('idle', 40, { ms: LONG_MS });
    await fleet.submit('alone', 40, { ms: LONG_MS });
    await fleet.advance(fleet.nowMs + 20 * LONG_MS);
    const [idle, alone] = sharesOf(fleet, 'idle', 'alone');
    assert.ok(Math.abs(idle! - (alone! - 40 * LONG_MS)) <= 2 * LONG_MS, `${idle} ${alone}`);
  });

  it('delays no tenant because of time that is returned to another, whose jobs were faster than expected', async () => {
    const fleet = await open(4, ['quick', 'late']);
    await fleet.submit('quick', 4, { ms: 1_000_000, tookMs: LONG_MS });
    await fleet.submit('quick', 100, { ms: LONG_MS });
    await fleet.advance(LONG_MS / 2);
    await fleet.submit('late', 100, { ms: LONG_MS });
    await fleet.advance(fleet.nowMs + 20 * LONG_MS);
    const [, late] = sharesOf(fleet, 'quick', 'late');
    assert.ok(late! >= 4 * 9 * LONG_MS, `${late}`);
  });

  it('dispatches the urgent jobs of a tenant first, which gives it no priority over other tenants', async () => {
    const fleet = await open(1, ['pressing', 'unhurried']);
    const low = await fleet.submit('pressing', 2, { ms: LONG_MS, priority: 2 });
    const unhurried = await fleet.submit('unhurried', 3, { ms: LONG_MS, priority: 2 });
    const high = await fleet.submit('pressing', 2, { ms: LONG_MS, priority: 0 });
    while (await fleet.step());
    const order = fleet.started.map(({ execution }) => execution);
    assert.deepEqual(order.slice(0, 5), [low[0], unhurried[0], high[0], unhurried[1], high[1]]);
  });

  it('is fair when several processes dispatch at once', async () => {
    const tenants = ['a', 'b', 'c', 'd'];
    await addTenants(database(), tenants);
    for (const tenant of tenants) await addWaiting(database(), 10, { tenant, mib: 60 });
    await addWorker(database(), 8);
    const queues = Array.from({ length: 5 }, () => new MemoryQueue());
    await Promise.all(
      queues.map(async (queue) => {
        const dispatcher = new Dispatcher({ database: database(), queue });
        await dispatcher.round();
        await dispatcher.close();
      }),
    );
    const sent = queues.flatMap(({ dispatches }) =>
      [...dispatches].map((id) => parseDispatchId(id).execution),
    );
    assert.equal(new Set(sent).size, 8);
    assert.deepEqual(await underway(database()), new Map(tenants.map((tenant) => [tenant, 2])));
  });
});

async function underway({ reader }: Database): Promise<Map<string, number>> {
  const rows = await reader
    .selectFrom('execution')
    .select(({ fn }) => ['tenant', fn.countAll().as('count')])
    .where('state', '=', 'dispatched')
    .groupBy('tenant')
    .orderBy('tenant')
    .execute();
  return new Map(rows.map(({ tenant, count }) => [tenant, Number(count)]));
}
