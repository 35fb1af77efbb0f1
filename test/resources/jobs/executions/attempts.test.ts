import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AppError } from '../../../../src/errors/app-error.ts';
import { onEachDialect } from '../../../database/dialects.ts';
import { fakeWorkOutcome } from '../fake-worker.ts';
import { type JobBench, squeezeOf, withJobBench } from '../job-bench.ts';
import { executionOf, executionsIn, NO_TOTALS, WORK } from './sample-work.ts';

const CRASH = new AppError('WORKER_CRASHED', 'The process died.');
const FULL = new AppError('STORAGE_FULL', 'There is no room.');
const MAY_PASS = { tryMs: 1_000, mayPass: true };

onEachDialect('attempts at an execution', (database) => {
  const withJobs = (work: (bench: JobBench, ids: readonly [string, string]) => Promise<void>) =>
    withJobBench(async (bench) => {
      const request = squeezeOf(await bench.upload());
      await work(bench, [(await bench.jobs.submit(request)).id, (await bench.jobs.submit(request)).id]);
    }, database());

  it('are repeated later if that may help, three in all', () =>
    withJobs(async ({ worker, jobs, ended }, [id, other]) => {
      for (const attempt of [1, 2, 3]) {
        const task = await worker.begin(id);
        assert.deepEqual([task.attempt, task.isLast], [attempt, attempt === 3]);
        const { next, delayMs } = await worker.executions.fail(task, CRASH, MAY_PASS);
        const job = await jobs.get(other);
        if (attempt < 3) {
          assert.deepEqual([next, job.state, job.attempts], ['retry', 'queued', attempt]);
          assert.ok(
            delayMs >= 500 * 2 ** (attempt - 1) && delayMs <= 1000 * 2 ** (attempt - 1),
            String(delayMs),
          );
          const { not_before } = await executionOf(database(), id);
          assert.ok(Math.abs(not_before! - Date.now() - delayMs) < 5_000);
        } else
          assert.deepEqual(
            [next, job.state, job.attempts, job.error?.code],
            ['failed', 'failed', 3, 'WORKER_CRASHED'],
          );
      }
      assert.deepEqual(ended.map((job) => job.id).sort(), [id, other].sort());
    }));

  it('are not repeated if that does not help', () =>
    withJobs(async ({ worker, jobs }, [id, other]) => {
      const task = await worker.begin(id);
      const error = new AppError('NON_FINITE_WEIGHTS', 'NaN');
      const progress = { phase: 'core', done: 1, total: 3, module: 'q_proj' } as const;
      const { next } = await worker.executions.fail(task, error, { tryMs: 1_000, mayPass: false, progress });
      assert.equal(next, 'failed');
      for (const one of [id, other]) {
        const job = await jobs.get(one);
        assert.deepEqual([job.state, job.error?.code, job.attempts], ['failed', 'NON_FINITE_WEIGHTS', 1]);
        assert.deepEqual(job.progress, progress);
      }
    }));

  it('that fail because of the storage do not count, for a limited time', () =>
    withJobs(async ({ worker, jobs }, [id]) => {
      await worker.executions.fail(await worker.begin(id), CRASH, MAY_PASS);
      for (let i = 0; i < 5; i++) {
        const task = await worker.begin(id);
        assert.equal(task.attempt, 2);
        const { next } = await worker.executions.fail(task, FULL, MAY_PASS);
        assert.equal(next, 'postponed');
        assert.equal((await jobs.get(id)).state, 'queued');
      }
      const { storage_failures, storage_trouble_ms } = await executionOf(database(), id);
      assert.equal(storage_failures, 5);
      assert.ok(storage_trouble_ms > 5_000);
      const task = await worker.begin(id);
      assert.deepEqual([task.attempt, (await jobs.get(id)).attempts], [2, 2]);
      // It has waited for ten minutes.
      const late = await worker.executions.fail(task, FULL, { tryMs: 600_000, mayPass: true });
      assert.equal(late.next, 'retry');
      await worker.executions.fail(await worker.begin(id), FULL, { tryMs: 600_000, mayPass: true });
      const { state, attempts, error } = await jobs.get(id);
      assert.deepEqual([state, attempts, error?.code], ['failed', 3, 'STORAGE_FULL']);
      assert.match(error!.detail, /STORAGE_RETRY_SECONDS/);
    }));

  it('that are handed back begin again at once, and do not count', () =>
    withJobs(async ({ worker, jobs }, [id, other]) => {
      for (let i = 0; i < 4; i++) {
        const task = await worker.begin(id);
        assert.equal(task.attempt, 1);
        await worker.executions.giveBack(task);
        const { state, not_before } = await executionOf(database(), id);
        assert.deepEqual([state, not_before, (await jobs.get(other)).state], ['waiting', null, 'queued']);
      }
      await worker.succeed(id, WORK);
      assert.deepEqual([(await jobs.get(id)).attempts, (await jobs.get(other)).attempts], [1, 1]);
    }));

  it('that others replaced have no effect', () =>
    withJobs(async ({ worker, jobs }, [id]) => {
      const { executions } = worker;
      const old = await worker.begin(id);
      await executions.giveBack(old);
      const current = await worker.begin(id);
      const before = [await executionsIn(database()), await jobs.get(id)];
      assert.deepEqual(await executions.obsoleteDispatches([old, current]), [old]);
      assert.equal(await executions.beginAttempt(old), undefined);
      assert.equal(await executions.finish(old, fakeWorkOutcome(WORK), NO_TOTALS), undefined);
      assert.equal((await executions.fail(old, CRASH, MAY_PASS)).next, 'over');
      assert.equal((await executions.fail(old, FULL, MAY_PASS)).next, 'over');
      await executions.giveBack(old);
      assert.deepEqual([await executionsIn(database()), await jobs.get(id)], before);
      assert.equal((await executions.finish(current, fakeWorkOutcome(WORK), NO_TOTALS))?.length, 2);
      const after = [await executionsIn(database()), await jobs.get(id)];
      for (const task of [old, current]) {
        assert.equal(await executions.finish(task, fakeWorkOutcome(WORK), NO_TOTALS), undefined);
        assert.equal((await executions.fail(task, CRASH, MAY_PASS)).next, 'over');
      }
      assert.deepEqual([await executionsIn(database()), await jobs.get(id)], after);
      const adapters = await database().reader.selectFrom('adapter').select('id').execute();
      assert.equal(adapters.length, 3, 'the source, and a result for each');
    }));

  it('of a worker that counted as dead cannot fail what another one has started over', () =>
    withJobs(async ({ worker, jobs, ended }, [id]) => {
      const { executions } = worker;
      const old = await worker.begin(id);
      // The queue gave the same dispatch to another worker.
      const current = await executions.beginAttempt(old);
      assert.equal(current?.attempt, 2);
      const before = [await executionsIn(database()), await jobs.get(id)];
      for (const failure of [MAY_PASS, { ...MAY_PASS, mayPass: false }])
        for (const error of [CRASH, FULL])
          assert.equal((await executions.fail(old, error, failure)).next, 'over');
      await executions.giveBack(old);
      assert.deepEqual([await executionsIn(database()), await jobs.get(id)], before);
      assert.equal((await executions.finish(current, fakeWorkOutcome(WORK), NO_TOTALS))?.length, 2);
      assert.equal((await jobs.get(id)).state, 'succeeded');
      assert.equal(ended.length, 2);
    }));

  it('of two workers with the same dispatch count once, whichever ends first', () =>
    withJobs(async ({ worker, jobs }, [id]) => {
      const { executions } = worker;
      const old = await worker.begin(id);
      const current = (await executions.beginAttempt(old))!;
      const ends = await Promise.all(
        [old, current].map((task) => executions.finish(task, fakeWorkOutcome(WORK), NO_TOTALS)),
      );
      assert.equal(ends.filter(Boolean).length, 1);
      assert.equal((await executions.fail(current, CRASH, MAY_PASS)).next, 'over');
      assert.equal((await jobs.get(id)).state, 'succeeded');
      const adapters = await database().reader.selectFrom('adapter').select(['id', 'bytes']).execute();
      assert.equal(adapters.length, 3, 'the source, and a result for each');
      const bytes = adapters.reduce((sum, one) => sum + one.bytes, 0);
      const usage = await database().reader.selectFrom('usage').selectAll().executeTakeFirstOrThrow();
      assert.deepEqual([usage.adapters, usage.bytes, usage.jobs], [3, bytes, 2]);
    }));

  it('end once, however many workers report the end at once', () =>
    withJobs(async ({ worker, ended }, [id]) => {
      const task = await worker.begin(id);
      const all = await Promise.all(
        Array.from({ length: 10 }, () => worker.executions.finish(task, fakeWorkOutcome(WORK), NO_TOTALS)),
      );
      assert.equal(all.filter(Boolean).length, 1);
      assert.equal(ended.length, 2);
    }));

  it('whose content was removed meanwhile record nothing, and may be repeated', () =>
    withJobs(async ({ worker, jobs }, [id]) => {
      const task = await worker.begin(id);
      await database().write((writer) => writer.deleteFrom('content_write').execute());
      const finished = worker.executions.finish(task, fakeWorkOutcome(WORK), NO_TOTALS);
      await assert.rejects(finished, { code: 'STORAGE_FAILED' });
      assert.equal((await jobs.get(id)).state, 'active');
      await worker.executions.giveBack(task);
      assert.equal((await worker.succeed(id, WORK)).state, 'succeeded');
    }));
});
