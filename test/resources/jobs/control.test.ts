import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { succeededResults } from '../../../src/charts/succeeded-targets.ts';
import { JobRecord } from '../../../src/contract/job.ts';
import type { CheckpointJobRequest } from '../../../src/contract/job-request.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { SAMPLE_OUTCOME } from './fake-worker.ts';
import { failsWith, squeezeOf, withJobBench } from './job-bench.ts';
import { jobIds, reportFile, unfinished, withoutReuse } from './job-rows.ts';

describe('cancelling', () => {
  it('ends a queued job, with and without the queue, and answers the same when repeated', () =>
    withJobBench(async ({ jobs, jobStore, jobControl, upload, queue, cancelled }) => {
      queue.down = true;
      const { id } = await jobs.submit(squeezeOf(await upload(), 2, { ttl_seconds: 3600 }));
      const job = await jobControl.cancel(id);
      assert.ok(Value.Check(JobRecord, job));
      assert.deepEqual([job.state, job.error?.code, job.attempts], ['cancelled', 'CANCELLED', 0]);
      assert.equal(Date.parse(job.expires_at!) - Date.parse(job.finished_at!), 3_600_000);
      assert.deepEqual(await jobControl.cancel(id), job);
      assert.deepEqual(await jobs.get(id), job);
      assert.deepEqual(await unfinished(jobStore), []);
      assert.deepEqual(
        cancelled.map((one) => one.id),
        [id],
      );
    }));

  it('stops the worker of an active job, whose outcome is then ignored', () =>
    withJobBench(async ({ jobs, jobControl, upload, worker, end }) => {
      const { id } = await jobs.submit(squeezeOf(await upload()));
      const task = await worker.begin(id);
      assert.deepEqual(await worker.executions.obsoleteDispatches([task]), []);
      const { started_at } = await jobs.get(id);
      const job = await jobControl.cancel(id);
      assert.deepEqual([job.state, job.started_at, job.attempts], ['cancelled', started_at, 1]);
      assert.deepEqual(await worker.executions.obsoleteDispatches([task]), [task]);
      await end(id);
      assert.deepEqual(await jobs.get(id), job);
    }));

  it('keeps the progress of the job, if that is known', () =>
    withJobBench(async ({ jobs, jobControl, upload, worker, queue }) => {
      const progress = { phase: 'gram', done: 120, total: 224, module: 'q_proj' } as const;
      const adapterId = await upload();
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push((await jobs.submit(squeezeOf(adapterId, 2, { reuse: false }))).id);
      const [begun, unknown, waiting] = ids as [string, string, string];
      for (const id of [begun, unknown]) {
        const { execution, dispatchNo } = await worker.begin(id);
        queue.progressById.set(`${execution}-${dispatchNo}`, progress);
      }
      assert.deepEqual((await jobControl.cancel(begun)).progress, progress);
      assert.equal((await jobControl.cancel(waiting)).progress.phase, 'waiting');
      queue.down = true;
      assert.equal((await jobControl.cancel(unknown)).progress.phase, 'waiting');
      queue.progressById.clear();
      assert.deepEqual((await jobs.get(begun)).progress, progress);
      const { items } = await jobs.page({}, { limit: 10 });
      assert.deepEqual(items.find(({ id }) => id === begun)?.progress, progress);
    }));

  it('has one winner, if the job ends at the same time', () =>
    withJobBench(async ({ jobs, jobControl, upload, end }) => {
      const adapterId = await upload();
      for (let round = 0; round < 20; round++) {
        const { id } = await jobs.submit(squeezeOf(adapterId, 2, { reuse: false }));
        const [answer] = await Promise.allSettled([jobControl.cancel(id), end(id)]);
        const { state } = await jobs.get(id);
        if (answer.status === 'fulfilled')
          assert.deepEqual([answer.value.state, state], ['cancelled', 'cancelled']);
        else {
          assert.equal(state, 'succeeded');
          assert.ok(failsWith('JOB_FINAL', /its state is "succeeded"/)(answer.reason), String(answer.reason));
        }
      }
    }));

  it('is refused for jobs that have ended, and for unknown ones', () =>
    withJobBench(async ({ jobs, jobControl, upload, worker }) => {
      const { id } = await jobs.submit(squeezeOf(await upload()));
      await worker.fail(id);
      await assert.rejects(jobControl.cancel(id), failsWith('JOB_FINAL', /its state is "failed"/));
      for (const none of [newJobId(0), 'job_1', '../x'])
        await assert.rejects(jobControl.cancel(none), failsWith('JOB_NOT_FOUND'));
    }));
});

describe('retrying', () => {
  for (const state of ['failed', 'cancelled'] as const) {
    it(`creates a new job from one that ${state}, with the same request and settings`, () =>
      withJobBench(async ({ jobs, jobControl, upload, worker }) => {
        const request = squeezeOf(await upload(), 2, {
          labels: { a: 'b' },
          priority: 'low',
          ttl_seconds: 60,
        });
        const old = await jobs.submit(request);
        await worker.end(old.id, state);
        const again = await jobControl.retry(old.id);
        const { id, created_at, retry_of, ...rest } = again;
        assert.notEqual(id, old.id);
        assert.equal(retry_of, old.id);
        assert.deepEqual({ ...rest, id: old.id, created_at: old.created_at, retry_of: null }, old);
        assert.equal((await jobs.get(old.id)).state, state, 'the old one stays');
        assert.equal((await jobs.submit(request)).reused, true, 'equal requests join the new one');
        assert.equal((await jobControl.retry(old.id)).reused, false, 'a retry joins none');
      }));
  }

  it('is refused for others, with what to do instead', () =>
    withJobBench(async ({ jobs, jobControl, upload, end }) => {
      const { id } = await jobs.submit(squeezeOf(await upload()));
      await assert.rejects(jobControl.retry(id), failsWith('JOB_NOT_FINAL'));
      await end(id);
      await assert.rejects(jobControl.retry(id), failsWith('JOB_SUCCEEDED', /"reuse": false/));
      await assert.rejects(jobControl.retry(newJobId(0)), failsWith('JOB_NOT_FOUND'));
    }));

  it('is refused if the adapter is gone, and leaves nothing', () =>
    withJobBench(async ({ jobs, jobControl, jobStore, adapters, upload, worker, database }) => {
      const adapterId = await upload();
      const { id } = await jobs.submit(squeezeOf(adapterId));
      await worker.fail(id);
      await adapters.remove(adapterId);
      await assert.rejects(jobControl.retry(id), failsWith('ADAPTER_NOT_FOUND'));
      assert.deepEqual(await unfinished(jobStore), []);
      assert.deepEqual(await jobIds(database), [id]);
    }));
});

describe('deleting', () => {
  it('removes all records of a job, and keeps its results', () =>
    withJobBench(async ({ jobs, jobControl, adapters, upload, end, database }) => {
      const { id } = await jobs.submit(squeezeOf(await upload()));
      await assert.rejects(jobControl.remove(id), failsWith('JOB_NOT_FINAL'));
      await jobControl.change(id, { labels: { a: 'b' } });
      const job = await end(id, { adapters: [SAMPLE_OUTCOME], files: [reportFile({})] });
      const result = succeededResults(job)[0]!.adapter_id;
      await jobControl.remove(id);
      await assert.rejects(jobs.get(id), failsWith('JOB_NOT_FOUND'));
      await assert.rejects(jobControl.remove(id), failsWith('JOB_NOT_FOUND'));
      assert.equal((await adapters.get(result)).id, result);
      for (const table of ['job', 'job_label', 'job_source', 'job_file', 'execution'] as const)
        assert.deepEqual(await database.reader.selectFrom(table).selectAll().execute(), []);
    }));

  it('is refused for the squeezes of a run, which needs them', () =>
    withJobBench(async ({ jobStore, jobControl, upload, worker }) => {
      const id = newJobId(Date.now());
      const request: CheckpointJobRequest = {
        kind: 'checkpoint',
        run_id: 'run_1',
        step: 1,
        adapter_id: await upload(),
        targets: [{ rank: 2 }],
        optimizer: null,
      };
      await jobStore.accept(withoutReuse(acceptedJob(id, request)));
      await worker.fail(id);
      await assert.rejects(jobControl.remove(id), failsWith('JOB_OF_RUN', /run_1/));
      await assert.rejects(jobControl.retry(id), failsWith('JOB_OF_RUN', /send the checkpoint again/));
    }));
});

describe('labels', () => {
  it('can be changed at any time, and are the same wherever the job is shown', () =>
    withJobBench(async ({ jobs, jobControl, upload, end, queue }) => {
      const request = squeezeOf(await upload(), 2, { labels: { team: 'a' } });
      const { id } = await jobs.submit(request);
      assert.deepEqual((await jobControl.change(id, { labels: { team: 'b', env: 'x' } })).labels, {
        team: 'b',
        env: 'x',
      });
      assert.deepEqual((await jobs.submit(request)).labels, { team: 'a' }, 'those of others stay');
      await end(id);
      const ended = await jobControl.change(id, { labels: {} });
      assert.deepEqual([ended.state, ended.labels], ['succeeded', {}]);
      assert.deepEqual((await jobs.get(id)).labels, {});
      queue.down = true;
      const other = await jobControl.change(id, { labels: { x: 'y' } });
      assert.deepEqual(other.labels, { x: 'y' });
      await assert.rejects(jobControl.change(newJobId(0), { labels: {} }), failsWith('JOB_NOT_FOUND'));
    }));
});
