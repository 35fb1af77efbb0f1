import assert from 'node:assert/strict';
import { it } from 'node:test';
import { succeededResults } from '../../../../src/charts/succeeded-targets.ts';
import type { JobRecord } from '../../../../src/contract/job.ts';
import type { RecordedJobRequest } from '../../../../src/contract/job-request.ts';
import { newJobId } from '../../../../src/database/ids.ts';
import { AppError, jobFailure } from '../../../../src/errors/app-error.ts';
import { acceptedJob } from '../../../../src/resources/jobs/accepted-job.ts';
import { onEachDialect } from '../../../database/dialects.ts';
import { pauseDatabase, untilBlocked } from '../../../database/paused-database.ts';
import { FakeWorker, fakeWorkOutcome } from '../fake-worker.ts';
import { failsWith, type JobBench, squeezeOf, withJobBench } from '../job-bench.ts';
import { DELIVERED, executionOf, executionsIn, FETCHED, NO_TOTALS, PLACE, WORK } from './sample-work.ts';

const FAILED = jobFailure(new AppError('OUTBOUND_REFUSED', 'It answered 403.'));
const TARGETS = { targets: [{ rank: 2 }] };
const ONE = { target: 0, to: PLACE };

onEachDialect('the steps of a job', (database) => {
  const onBench = (work: (bench: JobBench) => Promise<void>) => withJobBench(work, database());

  async function accepted({ jobStore }: JobBench, request: object, reuse = true): Promise<JobRecord> {
    const job = acceptedJob(newJobId(Date.now()), request as RecordedJobRequest);
    return (await jobStore.accept([{ job, reuse }]))[0]!;
  }
  async function fetched({ worker }: JobBench, id: string): Promise<void> {
    await worker.executions.finish(await worker.begin(id), FETCHED, NO_TOTALS);
  }
  const step = async (id: string) => (await executionOf(database(), id)).step;
  const isEncrypted = async () =>
    JSON.stringify(await database().reader.selectFrom('job').selectAll().execute()).includes('ENCRYPTED');

  it('are one after the other: it fetches, works and delivers', () =>
    onBench(async (bench) => {
      const { id } = await accepted(bench, { kind: 'squeeze', source: PLACE, ...TARGETS, deliver: [ONE] });
      const first = await bench.worker.begin(id);
      assert.deepEqual(first.input, { step: 'fetch', source: PLACE, access: null });
      await bench.worker.executions.finish(first, FETCHED, NO_TOTALS);
      const here = (await bench.jobs.get(id)).imported!;
      assert.equal((await bench.adapters.get(here.adapter_id)).name, 'my-style');
      await assert.rejects(bench.adapters.remove(here.adapter_id), failsWith('ADAPTER_IN_USE'));
      const { input } = await bench.worker.begin(id);
      assert.deepEqual(input.step === 'work' && input.sources.map((source) => source.id), [here.adapter_id]);
      await bench.end(id, WORK);
      const worked = await bench.jobs.get(id);
      const result = succeededResults(worked)[0]!.adapter_id;
      assert.deepEqual(
        [worked.state, worked.deliveries[0]!.state, worked.deliveries[0]!.adapter_id],
        ['active', 'pending', result],
      );
      const last = await bench.worker.begin(id);
      assert.deepEqual(
        last.input.step === 'deliver' && last.input.deliveries.map(({ to, adapter }) => [to, adapter.id]),
        [[PLACE, result]],
      );
      assert.ok(await isEncrypted());
      const { state, deliveries, attempts, imported } = await bench.worker.deliver(id, [DELIVERED]);
      assert.deepEqual([state, attempts, imported], ['succeeded', 1, here]);
      assert.deepEqual(deliveries, [
        { ...DELIVERED, state: 'succeeded', target: 0, adapter_id: result, error: null },
      ]);
      assert.equal(await isEncrypted(), false);
      await bench.adapters.remove(here.adapter_id);
    }));

  it('of an import end with the adapter', () =>
    onBench(async (bench) => {
      const { id } = await accepted(bench, { kind: 'import', source: PLACE });
      await fetched(bench, id);
      const { state, imported, progress } = await bench.jobs.get(id);
      assert.deepEqual([state, progress.phase], ['succeeded', 'done']);
      assert.equal((await bench.adapters.get(imported!.adapter_id)).job_id, id);
      assert.equal(await isEncrypted(), false);
    }));

  it('of equal fetched content are joined: completed or running work is not repeated', () =>
    onBench(async (bench) => {
      const request = { kind: 'squeeze', source: PLACE, ...TARGETS };
      const [one, other] = [await accepted(bench, request), await accepted(bench, request)];
      await fetched(bench, one.id);
      await fetched(bench, other.id);
      const task = await bench.worker.begin(one.id);
      assert.deepEqual([...task.jobs].sort(), [one.id, other.id].sort());
      await bench.end(one.id, WORK);
      const third = await accepted(bench, request);
      await fetched(bench, third.id);
      const jobs = await Promise.all([one, other, third].map(({ id }) => bench.jobs.get(id)));
      assert.deepEqual(
        jobs.map(({ state, reused }) => [state, reused]),
        [
          ['succeeded', false],
          ['succeeded', true],
          ['succeeded', true],
        ],
      );
      for (const job of jobs)
        assert.equal(
          (await bench.adapters.get(succeededResults(job)[0]!.adapter_id)).parent_id,
          job.imported!.adapter_id,
        );
      assert.equal(new Set(jobs.map((job) => job.imported!.adapter_id)).size, 3);
    }));

  it('of equal fetched content are repeated if the job must not share work', () =>
    onBench(async (bench) => {
      const request = { kind: 'squeeze', source: PLACE, ...TARGETS };
      for (const reuse of [true, false]) {
        const { id } = await accepted(bench, request, reuse);
        await fetched(bench, id);
        assert.equal(await step(id), 'work');
        const { state, reused } = await bench.end(id, WORK);
        assert.deepEqual([state, reused], ['succeeded', false]);
      }
    }));

  it('of fetching fail only their job', () =>
    onBench(async (bench) => {
      const request = { kind: 'squeeze', source: PLACE, ...TARGETS };
      const [one, other] = [await accepted(bench, request), await accepted(bench, request)];
      const { state, error } = await bench.worker.fail(one.id, 'OUTBOUND_FORBIDDEN');
      assert.deepEqual([state, error?.code], ['failed', 'OUTBOUND_FORBIDDEN']);
      assert.equal((await bench.jobs.get(other.id)).state, 'queued');
    }));

  it('deliver the results of earlier work, each job to its own places', () =>
    onBench(async (bench) => {
      const adapter_id = await bench.upload();
      await bench.end((await bench.jobs.submit(squeezeOf(adapter_id))).id, WORK);
      const request = { kind: 'squeeze', adapter_id, ...TARGETS, deliver: [ONE] };
      const jobs = [await accepted(bench, request), await accepted(bench, request)];
      for (const { id, reused, finished_at } of jobs) {
        assert.deepEqual([reused, finished_at, await step(id)], [true, null, 'deliver']);
        assert.equal((await bench.worker.deliver(id, [DELIVERED])).state, 'succeeded');
      }
    }));

  it('leave a job succeeded if they cannot deliver, and deliver again on request', () =>
    onBench(async (bench) => {
      const adapter_id = await bench.upload();
      const { id } = await accepted(bench, { kind: 'squeeze', adapter_id, ...TARGETS, deliver: [ONE, ONE] });
      await bench.end(id, WORK);
      await assert.rejects(bench.jobControl.retryDeliveries(id), failsWith('JOB_NOT_FINAL'));
      const ended = await bench.worker.deliver(id, [DELIVERED, 'OUTBOUND_REFUSED']);
      assert.deepEqual(
        [ended.state, ended.error, ended.deliveries.map((one) => [one.state, one.error?.code])],
        [
          'succeeded',
          null,
          [
            ['succeeded', undefined],
            ['failed', 'OUTBOUND_REFUSED'],
          ],
        ],
      );
      assert.ok(await isEncrypted(), 'it may be sent again');
      const again = await bench.jobControl.retryDeliveries(id);
      assert.equal(JSON.stringify(again).includes('ENCRYPTED'), false);
      assert.deepEqual(
        again.deliveries.map(({ state }) => state),
        ['succeeded', 'pending'],
      );
      await assert.rejects(bench.jobControl.retryDeliveries(id), failsWith('DELIVERIES_SUCCEEDED'));
      const { executions } = bench.worker;
      // First for a limited time, and then permanently.
      const task = await bench.worker.begin(id);
      assert.deepEqual(task.input.step === 'deliver' && task.input.deliveries.map(({ index }) => index), [1]);
      await executions.finish(task, { step: 'deliver', delivered: [], again: FAILED }, NO_TOTALS);
      assert.equal((await executionOf(database(), id)).state, 'waiting');
      const second = await bench.worker.begin(id);
      assert.equal(second.attempt, 2);
      await executions.finish(
        second,
        { step: 'deliver', delivered: [{ index: 1, outcome: DELIVERED }], again: null },
        NO_TOTALS,
      );
      const done = await bench.jobs.get(id);
      assert.deepEqual(
        done.deliveries.map(({ state }) => state),
        ['succeeded', 'succeeded'],
      );
      assert.deepEqual(
        [done.state, done.finished_at, done.attempts],
        ['succeeded', ended.finished_at, ended.attempts],
      );
      assert.equal(await isEncrypted(), false);
      assert.equal(bench.ended.length, 1, 'the job ended once');
    }));

  it('leave the results of a job that is cancelled while they are recorded, and deliver nothing', () =>
    onBench(async (bench) => {
      const adapter_id = await bench.upload();
      const { id } = await accepted(bench, { kind: 'squeeze', adapter_id, ...TARGETS, deliver: [ONE] });
      const { database: slow, reached, release } = pauseDatabase(database());
      const recording = new FakeWorker({ database: slow, store: bench.whole }).executions.finish(
        await bench.worker.begin(id),
        fakeWorkOutcome(WORK),
        NO_TOTALS,
      );
      await reached;
      const cancelling = bench.jobControl.cancel(id);
      await untilBlocked(database());
      release();
      await Promise.all([recording, cancelling]);
      const { state, results, deliveries, provider } = await bench.jobs.get(id);
      assert.deepEqual([state, results.length, deliveries[0]!.state], ['cancelled', 1, 'failed']);
      assert.ok(provider);
      const { step: last, state: lastState } = await executionOf(database(), id);
      assert.deepEqual([last, lastState], ['deliver', 'cancelled']);
    }));

  it('of an export fail the job with its delivery, even if its worker cannot begin', () =>
    onBench(async (bench) => {
      const request = { kind: 'export', adapter_id: await bench.upload(), to: PLACE };
      const [one, other, good] = [
        await accepted(bench, request),
        await accepted(bench, request),
        await accepted(bench, request),
      ];
      const failed = await bench.worker.deliver(one.id, ['OUTBOUND_REFUSED']);
      assert.deepEqual([failed.state, failed.error?.code], ['failed', 'OUTBOUND_REFUSED']);
      const crashed = await bench.worker.fail(other.id, 'WORKER_CRASHED');
      assert.deepEqual([crashed.state, crashed.deliveries[0]!.error?.code], ['failed', 'WORKER_CRASHED']);
      assert.equal((await bench.worker.deliver(good.id, [DELIVERED])).state, 'succeeded');
    }));

  it('are removed with their job', () =>
    onBench(async (bench) => {
      const { id } = await accepted(bench, { kind: 'squeeze', source: PLACE, ...TARGETS, deliver: [ONE] });
      await fetched(bench, id);
      await bench.end(id, WORK);
      await bench.worker.deliver(id, ['OUTBOUND_REFUSED']);
      await bench.jobControl.retryDeliveries(id);
      await bench.jobControl.remove(id);
      for (const { step } of await executionsIn(database())) assert.equal(step, 'work', 'it may be shared');
    }));
});
