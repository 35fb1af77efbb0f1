import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/errors.ts';
import type { QueuePriority } from '../../src/service/job-queue.ts';
import { isGone, until, withBench } from './harness.ts';

/** Only keeps a broken test from hanging. */
const LONG_MS = 180_000;

describe('cancelling with real Redis and real workers', () => {
  it('takes a waiting job out, so that it never begins', () =>
    withBench(async (bench) => {
      const running = await bench.submit('wait');
      bench.worker();
      await bench.attemptStarted(running, 1);
      const waiting = await bench.submit();
      assert.equal((await bench.control.cancel(waiting)).state, 'cancelled');
      assert.equal(await bench.queue.state(waiting), undefined);
      await bench.release(running);
      await bench.outcome(running);
      const after = await bench.submit();
      await bench.outcome(after);
      assert.deepEqual(await bench.attempts(waiting), []);
    }));

  it('stops an active job, which frees its worker for the next, and no attempt revives it', () =>
    withBench(async (bench) => {
      const id = await bench.submit('hang');
      bench.worker();
      await bench.attemptStarted(id, 1);
      const job = await bench.control.cancel(id);
      assert.deepEqual([job.state, job.attempts], ['cancelled', 1]);
      assert.notEqual(job.started_at, null);
      await until('the queue without the job', async () => (await bench.queue.state(id)) === undefined);
      const next = await bench.submit();
      assert.equal((await bench.outcome(next)).state, 'succeeded');
      assert.deepEqual(await bench.jobs.get(id), job);
      assert.equal((await bench.attempts(id)).length, 1);
      const told = bench.finished.filter(({ record }) => record.id === id);
      assert.deepEqual(
        told.map(({ record }) => record.state),
        ['cancelled'],
      );
    }));

  it('takes out a job that waits for its next attempt', () =>
    withBench(async (bench) => {
      const id = await bench.submit('wait-transient', 'transient');
      const worker = bench.worker();
      await bench.attemptStarted(id, 1);
      // It takes no more jobs: the pause before the next attempt lasts until another one comes.
      const left = worker.close(LONG_MS);
      await bench.release(id);
      await left;
      assert.equal((await bench.queue.state(id))?.state, 'queued');
      const job = await bench.control.cancel(id);
      assert.equal(await bench.queue.state(id), undefined);
      bench.worker();
      // Its attempt would have come before the third one of a job that was submitted later.
      assert.equal((await bench.outcome(await bench.submit('transient', 'transient'))).attempts, 3);
      assert.deepEqual([await bench.attempts(id), await bench.jobs.get(id)].map(lengthOrState), [
        1,
        'cancelled',
      ]);
      assert.equal(job.attempts, 1);
    }));

  it('holds when the worker dies in that moment', () =>
    withBench(async (bench) => {
      const id = await bench.submit('hang', 'hang');
      const child = await bench.workerProcess(1_500);
      const compute = await bench.attemptStarted(id, 1);
      const cancelling = bench.control.cancel(id);
      child.kill('SIGKILL');
      assert.equal((await cancelling).state, 'cancelled');
      await isGone(compute);
      // Another worker finds the job stalled, and its outcome.
      bench.worker({ lockMs: 1_500 });
      await until('the queue without the job', async () => (await bench.queue.state(id)) === undefined);
      assert.equal((await bench.attempts(id)).length, 1);
      assert.equal((await bench.jobs.get(id))?.state, 'cancelled');
      assert.deepEqual(await bench.keeper.reconcile(), []);
    }));

  it('holds when the job comes to its end in that moment: one of the two has won', () =>
    withBench(async (bench) => {
      bench.worker();
      for (let round = 0; round < 5; round++) {
        const id = await bench.submit('wait');
        await bench.attemptStarted(id, 1);
        await bench.release(id);
        // Before it ends, while it does, or after: there is nothing to wait for.
        await sleep(round * 10);
        const answer = await bench.control.cancel(id).catch((error: unknown) => error);
        const { state } = await bench.outcome(id);
        if (answer instanceof AppError) assert.deepEqual([answer.code, state], ['JOB_FINAL', 'succeeded']);
        else assert.equal(state, 'cancelled');
        await until('the queue without the job', async () => (await bench.queue.state(id)) === undefined);
        assert.equal((await bench.jobs.get(id))?.state, state);
      }
    }));

  it('holds without Redis: what the job comes to is dropped', () =>
    withBench(async (bench, broker) => {
      const id = await bench.submit('wait');
      bench.worker();
      await bench.attemptStarted(id, 1);
      process.kill(broker.pid!, 'SIGSTOP');
      const job = await bench.control.cancel(id).finally(() => process.kill(broker.pid!, 'SIGCONT'));
      assert.equal(job.state, 'cancelled');
      await bench.release(id);
      await until('the queue without the job', async () => (await bench.queue.state(id)) === undefined);
      assert.deepEqual(await bench.jobs.get(id), job);
      assert.equal(await bench.report(id), undefined);
    }));

  it('and deleting: nothing comes back when the attempt ends', () =>
    withBench(async (bench) => {
      const id = await bench.submit('wait');
      bench.worker();
      await bench.attemptStarted(id, 1);
      await bench.control.cancel(id);
      await bench.control.remove(id);
      await bench.release(id);
      await until('the queue without the job', async () => (await bench.queue.state(id)) === undefined);
      assert.deepEqual([await bench.jobs.get(id), await bench.report(id)], [undefined, undefined]);
    }));
});

describe('priorities', () => {
  const ORDER: QueuePriority[] = ['low', 'normal', 'high', 'low', 'high', 'normal'];

  it('are the order of the work, also when Redis was lost in between', () =>
    withBench(async (bench) => {
      const first = await bench.submit('wait');
      bench.worker();
      await bench.attemptStarted(first, 1);
      const jobs: { id: string; priority: QueuePriority }[] = [];
      for (const priority of ORDER) jobs.push({ id: await bench.submitWith({ priority }), priority });
      // The next ones come to a queue that has forgotten these.
      for (const { id } of jobs) assert.equal(await bench.queue.remove(id), true);
      assert.deepEqual((await bench.keeper.reconcile()).toSorted(), jobs.map(({ id }) => id).toSorted());
      await bench.release(first);
      const ended: { priority: string; startedAt: string }[] = [];
      for (const { id } of jobs) {
        const { priority, started_at } = await bench.outcome(id);
        ended.push({ priority, startedAt: started_at! });
      }
      ended.sort((x, y) => (x.startedAt < y.startedAt ? -1 : 1));
      assert.deepEqual(
        ended.map(({ priority }) => priority),
        ['high', 'high', 'normal', 'normal', 'low', 'low'],
      );
    }));
});

const lengthOrState = (found: unknown): unknown =>
  Array.isArray(found) ? found.length : (found as { state?: string } | undefined)?.state;
