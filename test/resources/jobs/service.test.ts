import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRequest } from '../../../src/contract/job-request.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { failsWith, squeezeOf, withJobBench } from './job-bench.ts';
import { jobIds, reportFile } from './job-rows.ts';

const PROGRESS = { phase: 'gram', done: 3, total: 9, module: 'q' } as const;

describe('submit', () => {
  it('makes the job durable, whether the queue is available or not', () =>
    withJobBench(async ({ jobs, upload, queue, database }) => {
      const request = squeezeOf(await upload());
      for (const down of [false, true]) {
        queue.down = down;
        const record = await jobs.submit(request);
        assert.deepEqual([record.state, record.request], ['queued', request]);
        assert.deepEqual(await jobs.get(record.id), { ...record, queue_position: 1 });
      }
      assert.equal((await jobIds(database)).length, 2);
    }));

  it('refuses an adapter that does not exist, and keeps nothing', () =>
    withJobBench(async ({ jobs, upload, database }) => {
      const known = await upload();
      const merge = (...ids: string[]): JobRequest => ({
        kind: 'merge',
        sources: ids.map((adapter_id) => ({ adapter_id })),
        targets: [{ rank: 2 }],
      });
      for (const request of [
        squeezeOf('ad_2'),
        merge(known, 'ad_2'),
        { kind: 'analyze', adapter_id: 'ad_2' } as const,
      ])
        await assert.rejects(jobs.submit(request), failsWith('ADAPTER_NOT_FOUND'));
      assert.deepEqual(await jobIds(database), []);
      const twice = await jobs.submit(merge(known, known));
      assert.deepEqual([twice.kind, twice.request], ['merge', merge(known, known)]);
      const analysis = await jobs.submit({ kind: 'analyze', adapter_id: known });
      assert.deepEqual([analysis.kind, analysis.state], ['analyze', 'queued']);
    }));
});

describe('get', () => {
  it("returns the queue's progress of a running job, and the record of one that has ended", () =>
    withJobBench(async ({ jobs, upload, queue, worker }) => {
      const { id } = await jobs.submit(squeezeOf(await upload()));
      const { execution, dispatchNo } = await worker.begin(id);
      queue.progressById.set(`${execution}-${dispatchNo}`, PROGRESS);
      const active = await jobs.get(id);
      assert.deepEqual([active.state, active.progress, active.attempts], ['active', PROGRESS, 1]);
      assert.ok(Math.abs(Date.parse(active.started_at!) - Date.now()) < 60_000);
      queue.down = true;
      assert.deepEqual(await jobs.get(id), {
        ...active,
        progress: { ...PROGRESS, phase: 'waiting', done: 0, total: 0, module: null },
      });
      const done = await worker.succeed(id);
      assert.deepEqual(await jobs.get(id), done);
      assert.equal((await jobs.wait(id, 10)).state, 'succeeded');
    }));

  it('returns the position of a job among the waiting jobs of its tenant, by priority and age', () =>
    withJobBench(async ({ jobs, upload, worker }) => {
      const adapterId = await upload();
      const ids: string[] = [];
      for (const [index, priority] of (['normal', 'normal', 'low', 'high'] as const).entries())
        ids.push((await jobs.submit({ ...squeezeOf(adapterId, index + 1), priority })).id);
      const places = () => Promise.all(ids.map(async (id) => (await jobs.get(id)).queue_position));
      assert.deepEqual(await places(), [2, 3, 4, 1]);
      await worker.begin(ids[3]!);
      assert.deepEqual(await places(), [1, 2, 3, undefined]);
      await worker.succeed(ids[0]!);
      assert.deepEqual(await places(), [undefined, 1, 2, undefined]);
    }));

  it('reports that a job does not exist', () =>
    withJobBench(async ({ jobs }) => {
      for (const none of [newJobId(0), '../../etc/passwd', '', 'job_1']) {
        await assert.rejects(jobs.get(none), failsWith('JOB_NOT_FOUND'));
        await assert.rejects(jobs.wait(none, 10), failsWith('JOB_NOT_FOUND'));
        await assert.rejects(jobs.report(none), failsWith('JOB_NOT_FOUND'));
      }
    }));
});

describe('wait', () => {
  it('ends with the job, with and without the queue, or when its time is over', () =>
    withJobBench(async ({ jobs, upload, queue, worker }) => {
      const adapterId = await upload();
      for (const [rank, down] of [
        [1, false],
        [2, true],
      ] as const) {
        queue.down = down;
        const { id } = await jobs.submit(squeezeOf(adapterId, rank));
        assert.equal((await jobs.wait(id, 10)).state, 'queued');
        const waiting = jobs.wait(id, 30_000);
        await worker.succeed(id);
        queue.hint();
        assert.equal((await waiting).state, 'succeeded');
      }
      assert.equal(queue.watchers.size, 0);
    }));
});

describe('report', () => {
  it('exists only after success', () =>
    withJobBench(async ({ jobs, upload, worker }) => {
      const request = squeezeOf(await upload());
      const { id } = await jobs.submit(request);
      await assert.rejects(jobs.report(id), /has not ended yet/);
      await worker.fail(id);
      await assert.rejects(jobs.report(id), failsWith('REPORT_NOT_READY'));
      const other = await jobs.submit(request);
      const report = { job_id: '@job-0', notes: ['x'] };
      await worker.succeed(other.id, { files: [reportFile(report)] });
      assert.deepEqual(await jobs.report(other.id), { ...report, job_id: other.id });
    }));
});
