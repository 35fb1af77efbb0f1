import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RecordedJobRequest } from '../../../../src/contract/job-request.ts';
import { DEFAULT_TENANT } from '../../../../src/contract/tenant-id.ts';
import { newJobId } from '../../../../src/database/ids.ts';
import { AppError, jobFailure } from '../../../../src/errors/app-error.ts';
import { acceptedJob } from '../../../../src/resources/jobs/accepted-job.ts';
import { onEachDialect } from '../../../database/dialects.ts';
import { addWorker } from '../../../dispatch/fleet.ts';
import { type JobBench, squeezeOf, withJobBench } from '../job-bench.ts';
import { executionOf, NO_TOTALS, PLACE, WORK } from './sample-work.ts';

const TOOK_MS = 600_000;

onEachDialect('the time charged to a tenant for an execution', (database) => {
  /** Starts a job, which has been running for ten minutes. */
  const withRunning = (work: (bench: JobBench, id: string) => Promise<void>) =>
    withJobBench(async (bench) => {
      await addWorker(database(), 1);
      const { id } = await bench.jobs.submit(squeezeOf(await bench.upload()));
      await bench.worker.begin(id);
      await database().write((writer) =>
        writer
          .updateTable('execution')
          .set({ started_at: database().after(-TOOK_MS) })
          .execute(),
      );
      await work(bench, id);
    }, database());

  async function paid(): Promise<number> {
    const row = await database()
      .reader.selectFrom('tenant_share')
      .select('virtual_ms')
      .where('tenant', '=', DEFAULT_TENANT)
      .executeTakeFirstOrThrow();
    return row.virtual_ms;
  }
  async function assertPaid(ms: number): Promise<void> {
    const now = await paid();
    assert.ok(now >= ms && now < ms + 60_000, `${now}, not ${ms}`);
  }
  const taskOf = async (id: string) => {
    const { id: execution, dispatch_no: dispatchNo } = await executionOf(database(), id);
    return { execution, dispatchNo };
  };

  it('is the expected time, until it ends', () =>
    withRunning(async (_bench, id) => {
      const { estimate_ms, charged_ms } = await executionOf(database(), id);
      assert.ok(estimate_ms! > 0 && estimate_ms! < 1_000, String(estimate_ms));
      assert.deepEqual([charged_ms, await paid()], [estimate_ms, estimate_ms]);
    }));

  const ends = {
    succeeds: ({ worker }: JobBench, id: string) => worker.succeed(id),
    fails: ({ worker }: JobBench, id: string) => worker.fail(id),
    'is cancelled': ({ jobControl }: JobBench, id: string) => jobControl.cancel(id),
  };
  for (const [how, end] of Object.entries(ends))
    it(`is the real time, if it ${how}`, () =>
      withRunning(async (bench, id) => {
        await end(bench, id);
        await assertPaid(TOOK_MS);
      }));

  const unneeded = {
    'are retried with others': ({ jobControl }: JobBench, id: string) => jobControl.retryDeliveries(id),
    'are those of a removed job': ({ jobControl }: JobBench, id: string) => jobControl.remove(id),
  };
  for (const [how, replace] of Object.entries(unneeded))
    it(`is the real time of deliveries that stop, because they ${how}`, () =>
      withJobBench(async (bench) => {
        await addWorker(database(), 1);
        const { worker, jobControl, dispatcher } = bench;
        const destination = { target: 0, to: PLACE };
        const request = { ...squeezeOf(await bench.upload()), deliver: [destination, destination] };
        const job = acceptedJob(newJobId(Date.now()), request as RecordedJobRequest);
        await bench.jobStore.accept([{ job, reuse: true }]);
        await bench.end(job.id, WORK);
        await worker.deliver(job.id, ['OUTBOUND_REFUSED', 'OUTBOUND_REFUSED']);
        await jobControl.retryDeliveries(job.id);
        const task = await worker.begin(job.id);
        const outcome = jobFailure(new AppError('OUTBOUND_REFUSED', 'It answered 403.'));
        const half = { step: 'deliver' as const, delivered: [{ index: 0, outcome }], again: outcome };
        await worker.executions.finish(task, half, NO_TOTALS);
        await database().write((writer) =>
          writer.updateTable('execution').set({ not_before: null }).execute(),
        );
        await dispatcher.round();
        const last = await worker.begin(job.id);
        await database().write((writer) =>
          writer
            .updateTable('execution')
            .set({ started_at: database().after(-TOOK_MS) })
            .execute(),
        );
        const before = await paid();
        await replace(bench, job.id);
        await assertPaid(before + TOOK_MS - 1_000);
        assert.deepEqual(await worker.executions.obsoleteDispatches([last]), [last]);
      }, database()));

  it('is the time of an attempt that is repeated, but nothing if the service is to blame', () =>
    withRunning(async ({ worker, dispatcher }, id) => {
      const { executions } = worker;
      const again = { tryMs: 1_000, mayPass: true };
      await executions.fail(await taskOf(id), new AppError('STORAGE_FULL', 'There is no room.'), again);
      assert.ok((await paid()) < 60_000, 'the storage failed it');
      const due = () =>
        database().write((writer) => writer.updateTable('execution').set({ not_before: null }).execute());
      await due();
      await dispatcher.round();
      await worker.begin(id);
      await executions.giveBack(await taskOf(id));
      assert.ok((await paid()) < 60_000, 'the worker was stopped');
      await dispatcher.round();
      await worker.begin(id);
      await database().write((writer) =>
        writer
          .updateTable('execution')
          .set({ started_at: database().after(-TOOK_MS) })
          .execute(),
      );
      await executions.fail(await taskOf(id), new AppError('WORKER_CRASHED', 'It died.'), again);
      await assertPaid(TOOK_MS);
    }));
});
