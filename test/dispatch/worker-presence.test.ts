import assert from 'node:assert/strict';
import { it } from 'node:test';
import { liveFleet } from '../../src/dispatch/worker-fleet.ts';
import { WorkerPresence } from '../../src/dispatch/worker-presence.ts';
import { onEachDialect } from '../database/dialects.ts';
import { addWaiting } from './fleet.ts';

onEachDialect('the presence of a worker', (database) => {
  it('is recorded until it leaves, with its executions and its speed', async () => {
    const [running] = await addWaiting(database(), 2, { change: { state: 'dispatched' } });
    const presences = [2, 3].map(
      (slots) =>
        new WorkerPresence({
          ...{ database: database(), slots, provider: 'cpu', running: () => [running!] },
          onFailure: (error) => assert.fail(String(error)),
        }),
    );
    const fleet = () => liveFleet(database(), database().reader);
    assert.equal((await fleet()).slots, 0);
    // Three MiB, and the fixed cost of every execution.
    presences[0]!.took(2_000, 3 * 2 ** 20);
    for (const presence of presences) presence.start();
    const endMs = Date.now() + 10_000;
    while ((await fleet()).slots < 5 && Date.now() < endMs) await new Promise((done) => setTimeout(done, 10));
    assert.deepEqual(await fleet(), { slots: 5, msPerMib: 500 });
    await presences[0]!.leave();
    assert.equal((await fleet()).slots, 3);
    await presences[1]!.leave();
    assert.equal((await fleet()).slots, 0);
    const seen = await database().reader.selectFrom('execution').select(['id', 'seen_at']).execute();
    assert.deepEqual(
      seen.filter(({ seen_at }) => seen_at !== null).map(({ id }) => id),
      [running],
    );
  });
});
