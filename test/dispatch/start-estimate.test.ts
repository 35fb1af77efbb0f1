import assert from 'node:assert/strict';
import { it } from 'node:test';
import { onEachDialect } from '../database/dialects.ts';
import { addTenants } from './fleet.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

const JOB_MS = 10_000;

onEachDialect('the time until a job begins beside other tenants', (database) => {
  const estimate = (fleet: SimulatedFleet, tenant: string, id: string, priority = 1) =>
    fleet.dispatcher.secondsUntilStart({ tenant, id, priority });

  it('is close to the real time', async () => {
    await addTenants(database(), ['heavy'], { weight: 300 });
    await addTenants(database(), ['held'], { max_running: 1 });
    await addTenants(database(), ['plain', 'few']);
    const fleet = await SimulatedFleet.open(database(), 4);
    const submitted = new Map<string, string[]>();
    const settings = { heavy: [60, JOB_MS], held: [12, JOB_MS], plain: [40, JOB_MS], few: [3, 3 * JOB_MS] };
    for (const [tenant, [count, ms]] of Object.entries(settings))
      submitted.set(tenant, await fleet.submit(tenant, count!, { ms: ms! }));
    // Not at the beginning, when all tenants are equal.
    for (let ended = 0; ended < 12; ended++) await fleet.step();
    const begun = new Set(fleet.started.map(({ execution }) => execution));
    const estimates: { tenant: string; id: string; seconds: number }[] = [];
    for (const [tenant, ids] of submitted) {
      const waiting = ids.filter((id) => !begun.has(id));
      for (const id of [waiting[0], waiting[Math.floor(waiting.length / 2)], waiting.at(-1)])
        if (id !== undefined) estimates.push({ tenant, id, seconds: (await estimate(fleet, tenant, id))! });
    }
    assert.ok(estimates.length >= 9);
    const askedMs = fleet.nowMs;
    while (await fleet.step());
    for (const { tenant, id, seconds } of estimates) {
      const found = fleet.started.find(({ execution }) => execution === id)!;
      const really = (found.atMs - askedMs) / 1000;
      const allowed = 0.25 * really + (2 * JOB_MS) / 1000;
      assert.ok(Math.abs(seconds - really) <= allowed, `${tenant}: ${seconds} s estimated, ${really} s`);
    }
  });

  it('is short for a tenant without other jobs, whatever others have queued', async () => {
    await addTenants(database(), ['backlog', 'quiet', 'stopped']);
    const fleet = await SimulatedFleet.open(database(), 2);
    await fleet.submit('backlog', 500, { ms: JOB_MS });
    const seconds = await estimate(fleet, 'quiet', 'ex_later');
    assert.ok(seconds! <= (2 * JOB_MS) / 1000, String(seconds));
    assert.ok((await estimate(fleet, 'backlog', 'ex_z'))! >= 2_400);
    await database().write((writer) =>
      writer.updateTable('tenant').set({ suspended_at: 1 }).where('id', '=', 'stopped').execute(),
    );
    assert.equal(await estimate(fleet, 'stopped', 'ex_z'), undefined, 'it begins when the tenant may go on');
  });
});
