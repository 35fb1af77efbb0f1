import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { itemsOf } from '../resources/batches/insert-batch.ts';
import { unfinished } from '../resources/jobs/job-rows.ts';
import { isGone, until, withBench } from './harness.ts';

/** Many times more than are dispatched at once. */
const ITEMS = 2_000;

describe('batches with real Redis and real workers', () => {
  it('end when their last job has ended, whatever its outcome', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(5, (i) => (i === 1 ? ['permanent'] : i === 3 ? ['wait'] : []));
      bench.worker({ concurrency: 2 });
      const slow = batch.ids[3]!;
      await bench.attemptStarted(slow, 1);
      await until('the others', async () => (await bench.batches.get(batch.id)).progress.done === 4);
      const half = await bench.batches.get(batch.id);
      assert.deepEqual([half.state, (await itemsOf(bench.batches, batch))[3]!.state], ['active', 'active']);
      await bench.release(slow);
      const ended = await bench.batchOutcome(batch.id);
      assert.deepEqual(
        [ended.state, ended.counts],
        ['partial', { queued: 0, active: 0, succeeded: 4, partial: 0, failed: 1, cancelled: 0 }],
      );
      assert.equal((await itemsOf(bench.batches, batch))[1]!.error?.code, 'NON_FINITE_WEIGHTS');
      assert.deepEqual(await unfinished(bench.jobs), []);
    }));

  it('are accepted completely, with as many jobs as are permitted', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(ITEMS);
      assert.deepEqual([batch.counts.queued, (await unfinished(bench.jobs)).length], [ITEMS, ITEMS]);
    }));

  it('are cancelled: waiting jobs never begin, running ones stop, and the batch ends', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(30, () => ['hang']);
      bench.worker();
      await bench.attemptStarted(batch.ids[0]!, 1);
      assert.equal((await bench.batches.get(batch.id)).counts.active, 1);
      const cancelled = await bench.batches.cancel(batch.id);
      assert.equal(cancelled.state, 'cancelled');
      const ended = await bench.batchOutcome(batch.id);
      assert.deepEqual([ended.state, ended.counts.cancelled], ['cancelled', 30]);
      await bench.idle();
      const begun = await Promise.all(batch.ids.map(async (id) => (await bench.attempts(id)).length));
      assert.equal(
        begun.reduce((x, y) => x + y, 0),
        1,
      );
    }));

  it('survive the loss of Redis while some jobs run, some wait and others have ended', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(20, (i) =>
        i === 7 ? ['permanent'] : i === 2 ? ['wait', 'succeed'] : [],
      );
      bench.worker();
      const slow = batch.ids[2]!;
      await bench.attemptStarted(slow, 1);
      await bench.dispatched(batch.ids[3]!);
      await bench.flush();
      await bench.release(slow);
      const ended = await bench.batchOutcome(batch.id);
      assert.deepEqual([ended.counts.succeeded, ended.counts.failed], [19, 1]);
      for (const id of batch.ids) assert.equal((await bench.attempts(id)).length, 1);
    }));

  it('continue when the worker is killed', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(3, (i) => (i === 0 ? ['wait'] : []));
      const child = await bench.workerProcess(1_500);
      const compute = await bench.attemptStarted(batch.ids[0]!, 1);
      child.kill('SIGKILL');
      await isGone(compute);
      bench.worker({ lockMs: 1_500 });
      assert.equal((await bench.batchOutcome(batch.id)).state, 'succeeded');
    }));

  it('are retried with the jobs that failed, and removed with all their records', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(100, (i) => (i % 10 === 5 ? ['permanent'] : []));
      bench.worker({ concurrency: 2 });
      const ended = await bench.batchOutcome(batch.id);
      assert.deepEqual([ended.state, ended.counts.succeeded, ended.counts.failed], ['partial', 90, 10]);
      const again = await bench.batches.retry(batch.id);
      assert.equal(again.progress.total, 10);
      const stopped = await bench.batches.cancel(again.id);
      assert.equal(stopped.state, 'cancelled');
      await bench.batchOutcome(again.id);
      await bench.batches.remove(batch.id);
      assert.equal(await bench.jobs.get(batch.ids[0]!), undefined);
    }));
});
