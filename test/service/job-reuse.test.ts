import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryQueue } from '../http/memory-queue.ts';
import { failsWith, resultOf, squeezeOf, withJobBench } from './job-bench.ts';
import { jobIds, unfinished } from './job-rows.ts';

describe('equal requests', () => {
  it('have one job, with what it was asked with first', () =>
    withJobBench(async ({ jobs, upload, reused }) => {
      const id = await upload();
      const first = await jobs.submit(squeezeOf(id, 2, { labels: { a: 'b' }, ttl_seconds: 60 }));
      assert.equal(first.reused, undefined);
      const again = await jobs.submit(
        squeezeOf(id, 2, { options: { seed: 0 }, labels: { c: 'd' }, priority: 'high' }),
      );
      assert.deepEqual(again, { ...first, reused: true });
      assert.equal('reused' in (await jobs.get(first.id)), false, 'of an answer only, not of the job');
      assert.deepEqual(
        reused.map((job) => job.id),
        [first.id],
      );
      assert.notEqual((await jobs.submit(squeezeOf(id, 3))).id, first.id);
    }));

  it('have one job, when a hundred come at once', () =>
    withJobBench(async ({ jobs, jobStore, upload, queue }) => {
      const id = await upload();
      const all = await Promise.all(Array.from({ length: 100 }, () => jobs.submit(squeezeOf(id))));
      assert.equal(new Set(all.map((job) => job.id)).size, 1);
      assert.equal(all.filter((job) => job.reused).length, 99);
      assert.deepEqual([...queue.jobs.keys()], [all[0]!.id]);
      assert.deepEqual(await unfinished(jobStore), [all[0]!.id]);
    }));

  it('have one job, when they come to several processes at once, also in place of one that failed', () =>
    withJobBench(async ({ jobs, upload, another, end }) => {
      const id = await upload();
      const processes = [jobs, another().jobs, another().jobs];
      let before: string | undefined;
      for (let round = 0; round < 4; round++) {
        const all = await Promise.all(
          Array.from({ length: 60 }, (_, i) => processes[i % processes.length]!.submit(squeezeOf(id))),
        );
        const ids = new Set(all.map((job) => job.id));
        assert.equal(ids.size, 1, `round ${round}`);
        assert.notEqual(all[0]!.id, before);
        before = all[0]!.id;
        await end(before, { state: 'failed' });
      }
    }));

  it('find the job as it is: running, or with its results', () =>
    withJobBench(async ({ jobs, upload, queue, end }) => {
      const [id, result] = [await upload(), await upload(2)];
      const { id: jobId } = await jobs.submit(squeezeOf(id));
      queue.jobs.set(jobId, { state: 'active', progress: null, startedAt: new Date(), attempts: 1 });
      assert.equal((await jobs.submit(squeezeOf(id))).state, 'active');
      await end(jobId, { state: 'succeeded', results: [resultOf(result)] });
      const found = await jobs.submit(squeezeOf(id));
      assert.deepEqual([found.id, found.state, found.reused], [jobId, 'succeeded', true]);
      assert.deepEqual(found.results, [resultOf(result)]);
    }));

  for (const state of ['failed', 'cancelled'] as const) {
    it(`have a new job after one that ${state}`, () =>
      withJobBench(async ({ jobs, upload, end }) => {
        const id = await upload();
        let before = await jobs.submit(squeezeOf(id));
        for (let i = 0; i < 5; i++) {
          await end(before.id, { state });
          const next = await jobs.submit(squeezeOf(id));
          assert.equal(next.reused, undefined);
          assert.notEqual(next.id, before.id);
          assert.equal((await jobs.submit(squeezeOf(id))).id, next.id);
          before = next;
        }
      }));
  }

  it('have a new job when a result is gone, the job was deleted, or its time is over', () =>
    withJobBench(async ({ jobs, adapters, jobControl, upload, end }) => {
      const [id, result] = [await upload(), await upload(2)];
      const first = await jobs.submit(squeezeOf(id));
      await end(first.id, { state: 'succeeded', results: [resultOf(result)] });
      await adapters.remove(result);
      const second = await jobs.submit(squeezeOf(id, 2, { ttl_seconds: 60 }));
      assert.notEqual(second.id, first.id);
      const longAgo = new Date(Date.now() - 61_000).toISOString();
      await end(second.id, { state: 'succeeded', finished_at: longAgo });
      const third = await jobs.submit(squeezeOf(id));
      assert.notEqual(third.id, second.id);
      await end(third.id);
      await jobControl.remove(third.id);
      const fourth = await jobs.submit(squeezeOf(id));
      assert.deepEqual([fourth.reused, fourth.state], [undefined, 'queued']);
    }));

  it('have jobs of their own when they ask for it', () =>
    withJobBench(async ({ jobs, upload }) => {
      const id = await upload();
      const first = await jobs.submit(squeezeOf(id));
      const second = await jobs.submit(squeezeOf(id, 2, { reuse: false }));
      assert.notEqual(second.id, first.id);
      assert.equal((await jobs.submit(squeezeOf(id))).id, first.id);
    }));

  it('leave nothing behind when the queue is away, and find no job of others', () =>
    withJobBench(async ({ jobs, upload, queue, database }) => {
      const id = await upload();
      queue.down = true;
      await assert.rejects(jobs.submit(squeezeOf(id)), failsWith('QUEUE_UNAVAILABLE'));
      assert.deepEqual(await jobIds(database), []);
      queue.down = false;
      assert.equal((await jobs.submit(squeezeOf(id))).reused, undefined);
    }));

  it('survive a crash after which nothing is queued', () =>
    withJobBench(async ({ jobs, jobStore, upload, queue, another }) => {
      const id = await upload();
      const first = await jobs.submit(squeezeOf(id));
      queue.jobs.clear();
      const found = await jobs.submit(squeezeOf(id));
      assert.deepEqual([found.id, found.reused, found.state], [first.id, true, 'queued']);
      assert.ok(queue.jobs.has(first.id), 'whoever finds it has it queued');
      assert.deepEqual(await unfinished(jobStore), [first.id]);
      // Another process, whose queue is empty: Redis was lost.
      const other = new MemoryQueue();
      assert.equal((await another(other).jobs.submit(squeezeOf(id))).id, first.id);
      assert.ok(other.jobs.has(first.id));
    }));
});
