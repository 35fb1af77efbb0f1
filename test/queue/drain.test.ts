import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { liveFleet } from '../../src/dispatch/worker-fleet.ts';
import { WorkerService } from '../../src/resources/workers/service.ts';
import { sharedBench, until } from './harness.ts';

const bench = sharedBench();

/** A promise with its resolver. */
function once() {
  let happens = (): void => undefined;
  const happened = new Promise<void>((resolve) => {
    happens = resolve;
  });
  return { happens, happened };
}

describe('a worker that is drained', () => {
  it('completes its running jobs, begins no others, and reports that it is drained; others do the rest', async () => {
    const workers = new WorkerService(bench().database);
    const drained = once();
    const leaving = bench().worker({ onDrained: drained.happens });
    const running = await bench().submit('wait');
    await bench().attemptStarted(running, 1);
    const { id } = await until('a worker that is there', async () => (await workers.list())[0]);

    const asked = await workers.drain(id);
    assert.equal(asked.state, 'draining');
    assert.deepEqual((await workers.drain(id)).draining_at, asked.draining_at, 'again, it changes nothing');
    assert.equal((await liveFleet(bench().database, bench().database.reader)).slots, 0);
    const waiting = await bench().submit();
    await until('a worker that tells what it runs', async () => {
      const [worker] = await workers.list();
      return worker!.seen_at > asked.draining_at! && worker!.running === 1 ? true : undefined;
    });
    assert.equal(await bench().ended(running), undefined);

    await bench().release(running);
    await drained.happened;
    const first = await bench().outcome(running);
    assert.deepEqual([first.state, first.attempts], ['succeeded', 1]);
    await until('a worker that says that it is drained', async () => {
      const [worker] = await workers.list();
      return worker?.state === 'drained' && worker.running === 0 ? true : undefined;
    });
    assert.equal((await bench().attempts(waiting)).length, 0, 'it began nothing more');

    const other = bench().worker();
    assert.equal((await bench().outcome(waiting)).state, 'succeeded');
    await other.close(0);
    await leaving.close(0);
    assert.deepEqual(await workers.list(), []);
    await assert.rejects(workers.drain(id), { code: 'WORKER_NOT_FOUND' });
    await assert.rejects(workers.drain('a\0b'), { code: 'WORKER_NOT_FOUND' });
  });

  it('leaves jobs that were dispatched but have not begun to others', async () => {
    const workers = new WorkerService(bench().database);
    const drained = once();
    const leaving = bench().worker({ onDrained: drained.happens });
    const running = await bench().submit('wait');
    await bench().attemptStarted(running, 1);
    // One short job more than there are slots may be dispatched.
    const next = await bench().submit();
    await bench().dispatched(next);
    const { id } = await until('a worker that is there', async () => (await workers.list())[0]);
    await workers.drain(id);
    await until('a worker that has heard of it', async () => {
      const [worker] = await workers.list();
      return worker!.seen_at > worker!.draining_at! ? true : undefined;
    });
    const other = bench().worker();
    assert.equal((await bench().outcome(next)).state, 'succeeded');
    assert.equal(await bench().ended(running), undefined, 'what runs goes on meanwhile');
    await bench().release(running);
    await drained.happened;
    assert.deepEqual((await bench().outcome(running)).attempts, 1);
    await other.close(0);
    await leaving.close(0);
  });
});
