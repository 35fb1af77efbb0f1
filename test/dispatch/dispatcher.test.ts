import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import { Dispatcher, parseDispatchId } from '../../src/dispatch/dispatcher.ts';
import { queueLoad, type TenantLoad } from '../../src/dispatch/queue-load.ts';
import { onEachDialect } from '../database/dialects.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { addWaiting, addWorker, executionStates } from './fleet.ts';

/** At 100 ms per MiB, longer than an execution that counts as short. */
const LONG = { mib: 60 };

onEachDialect('the dispatcher', (database) => {
  function newDispatcher(queue = new MemoryQueue()) {
    const lost: string[] = [];
    const troubles: unknown[] = [];
    const dispatcher = new Dispatcher({
      ...{ database: database(), queue, onLost: (ids) => lost.push(...ids) },
      onFailure: (error) => troubles.push(error),
    });
    return { queue, dispatcher, lost, troubles };
  }
  const sentBy = ({ dispatches }: MemoryQueue) => [...dispatches].map((id) => parseDispatchId(id).execution);
  const finish = (...ids: string[]) =>
    database().write((writer) =>
      writer
        .updateTable('execution')
        .set({ state: 'succeeded', finished_at: 1 })
        .where('id', 'in', ids)
        .execute(),
    );
  const seenAgo = (ms: number, column: 'seen_at' | 'dispatched_at') =>
    database().write((writer) =>
      writer
        .updateTable('execution')
        .set({ [column]: database().after(-ms) })
        .where('state', '=', 'dispatched')
        .execute(),
    );

  it('dispatches urgent executions first, and the oldest of them', async () => {
    const { queue, dispatcher } = newDispatcher();
    const normal = await addWaiting(database(), 2, LONG);
    const low = await addWaiting(database(), 1, { ...LONG, priority: 2 });
    const high = await addWaiting(database(), 2, { ...LONG, priority: 0 });
    await addWorker(database(), 4);
    await dispatcher.round();
    await dispatcher.close();
    const order = [...high, ...normal];
    assert.deepEqual(sentBy(queue), order);
    await dispatcher.round();
    assert.equal(queue.dispatches.size, 4);
    await finish(order[0]!);
    await dispatcher.round();
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), [...order, ...low]);
  });

  it('dispatches as many as workers have slots, and short ones that wait for a slot', async () => {
    const { queue, dispatcher } = newDispatcher();
    const ids = await addWaiting(database(), 9);
    await dispatcher.round();
    assert.equal(queue.dispatches.size, 0, 'there is no worker');
    await addWorker(database(), 2);
    await addWorker(database(), 50, { seenMsAgo: 16_000 });
    await dispatcher.round();
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), ids.slice(0, 4));
    await addWorker(database(), 1);
    await dispatcher.round();
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), ids.slice(0, 6));
    await finish(...ids.slice(0, 2));
    await dispatcher.round();
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), ids.slice(0, 8));
    const [{ waiting, active, delayed }] = (await queueLoad(database())).tenants as [TenantLoad];
    assert.deepEqual([waiting, active, delayed], [7, 0, 0]);
  });

  it('dispatches no long execution to wait for a slot, and nothing after it', async () => {
    const { queue, dispatcher } = newDispatcher();
    const first = await addWaiting(database(), 3, { priority: 0 });
    await addWaiting(database(), 1, LONG);
    await addWaiting(database(), 3, { priority: 2 });
    await addWorker(database(), 2);
    await dispatcher.round();
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), first);
  });

  it('waits for executions that are not due', async () => {
    const { queue, dispatcher } = newDispatcher();
    await addWorker(database(), 5);
    await addWaiting(database(), 1, { change: { not_before: Date.now() + 60_000 } });
    const due = await addWaiting(database(), 1, { change: { not_before: Date.now() - 1 } });
    await dispatcher.round();
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), due);
    const [{ waiting, delayed }] = (await queueLoad(database())).tenants as [TenantLoad];
    assert.deepEqual([waiting, delayed], [1, 1]);
  });

  it('dispatches nothing twice, and no more than there is room for, even in parallel', async () => {
    const ids = await addWaiting(database(), 40, LONG);
    await addWorker(database(), 7);
    const all = Array.from({ length: 6 }, () => newDispatcher());
    for (let i = 0; i < 3; i++) {
      await Promise.all(all.map(({ dispatcher }) => dispatcher.round()));
      await Promise.all(all.map(({ dispatcher }) => dispatcher.close()));
      const sent = all.flatMap(({ queue }) => [...queue.dispatches]);
      assert.equal(new Set(sent).size, sent.length);
      assert.deepEqual(sent.map((id) => parseDispatchId(id).execution).sort(), ids.slice(0, 7 * (i + 1)));
      assert.ok(sent.every((id) => parseDispatchId(id).dispatchNo === 1));
      await finish(...ids.slice(0, 7 * (i + 1)));
    }
  });

  it('ignores a transaction that is rolled back', async () => {
    const { dispatcher } = newDispatcher();
    const [id] = await addWaiting(database(), 1);
    await addWorker(database(), 1);
    const given = database().write(async (writer) => {
      assert.equal((await dispatcher.fill(writer)).length, 1);
      throw new Error('It is given up.');
    });
    await assert.rejects(given, /given up/);
    assert.equal((await executionStates(database())).get(id!), 'waiting');
  });

  it('sends again what the queue has lost and no worker reports as running, under the same id', async () => {
    const { queue, dispatcher, lost } = newDispatcher();
    await addWaiting(database(), 3);
    await addWorker(database(), 3);
    await dispatcher.round();
    await dispatcher.close();
    const sent = [...queue.dispatches];
    queue.dispatches.delete(sent[1]!);
    assert.deepEqual(await dispatcher.sendLost(), [], 'it may be on its way');
    await seenAgo(1_500, 'dispatched_at');
    assert.deepEqual(await dispatcher.sendLost(), [sent[1]]);
    assert.deepEqual([[...queue.dispatches].sort(), lost], [sent.toSorted(), [sent[1]]]);
    assert.deepEqual(await dispatcher.sendLost(), []);
    queue.dispatches.clear();
    await seenAgo(2_000, 'seen_at');
    assert.deepEqual(await dispatcher.sendLost(), [], 'workers say that they run it');
    await seenAgo(11_000, 'seen_at');
    assert.deepEqual(await dispatcher.sendLost(), sent.toSorted());
  });

  it('works without the queue: what cannot be sent is sent later', async () => {
    const { queue, dispatcher, troubles } = newDispatcher();
    await addWaiting(database(), 2);
    await addWorker(database(), 2);
    queue.down = true;
    await dispatcher.round();
    await dispatcher.close();
    assert.equal(troubles.length, 1);
    await seenAgo(1_500, 'dispatched_at');
    await assert.rejects(dispatcher.sendLost(), { code: 'QUEUE_UNAVAILABLE' });
    queue.down = false;
    assert.equal((await dispatcher.sendLost()).length, 2);
    assert.equal(queue.dispatches.size, 2);
  });

  it('dispatches periodically by itself', async () => {
    const { queue, dispatcher } = newDispatcher();
    await addWorker(database(), 1);
    dispatcher.start({ roundMs: 10, lostMs: 10 });
    const [id] = await addWaiting(database(), 1);
    const endMs = Date.now() + 10_000;
    while (queue.dispatches.size === 0 && Date.now() < endMs)
      await new Promise((done) => setTimeout(done, 10));
    await dispatcher.close();
    assert.deepEqual(sentBy(queue), [id]);
  });
});

onEachDialect('the estimated time until an execution begins', (database) => {
  const until = (id: string, priority = 1) =>
    new Dispatcher({ database: database(), queue: new MemoryQueue() }).secondsUntilStart({
      ...{ tenant: DEFAULT_TENANT, id, priority },
    });

  it('is the time of all work ahead of it, and half of the running work, divided by the slots', async () => {
    // 9 MiB and the fixed cost of each: one second at 100 ms per MiB.
    const [first, second, third] = await addWaiting(database(), 3, { mib: 9 });
    const [urgent] = await addWaiting(database(), 1, { mib: 9, priority: 0 });
    assert.equal(await until(third!), undefined, 'there is no worker');
    await addWorker(database(), 1);
    assert.deepEqual([await until(urgent!, 0), await until(first!), await until(third!)], [0, 1, 3]);
    await addWorker(database(), 1, { msPerMib: null });
    await addWorker(database(), 9, { seenMsAgo: 16_000 });
    assert.equal(await until(third!), 2);
    await addWaiting(database(), 2, { mib: 19, change: { state: 'dispatched' } });
    assert.equal(await until(second!), 2);
  });

  it('uses the speeds that slower workers report', async () => {
    await addWaiting(database(), 1, { mib: 9 });
    const [second] = await addWaiting(database(), 1, { priority: 2 });
    await addWorker(database(), 1, { msPerMib: 1_000 });
    assert.equal(await until(second!, 2), 10);
    await addWorker(database(), 1, { msPerMib: 3_000 });
    assert.equal(await until(second!, 2), 10, 'slower on average, and two of them');
  });
});
