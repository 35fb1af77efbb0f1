import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeededResults, succeededTargets } from '../../src/charts/succeeded-targets.ts';
import type { JobWorker, WorkerOptions } from '../../src/queue/job-worker.ts';
import { type Bench, isGone, sharedBench, until } from './harness.ts';

const bench = sharedBench();

async function withWorker(
  work: (worker: JobWorker) => Promise<void>,
  options: Partial<WorkerOptions> = {},
): Promise<void> {
  const worker = bench().worker(options);
  try {
    await work(worker);
  } finally {
    await worker.close(0);
  }
}

/** The event of the end of a job, once one was sent. */
const finishedOf = (id: string): Promise<Bench['finished']> =>
  until('news of the end', () => {
    const news = bench().finished.filter(({ record }) => record.id === id);
    return news.length > 0 ? news : undefined;
  });

describe('an entry of the queue that should not be there', () => {
  it('is not executed: completed work, an older dispatch, an execution that does not exist', async () => {
    const { queue } = bench();
    const id = await bench().submit('transient');
    await withWorker(async () => {
      const first = await bench().dispatched(id);
      const { attempts } = await bench().outcome(id);
      assert.equal(attempts, 2);
      const { id: execution, dispatch } = await bench().execution(id);
      assert.notEqual(dispatch, first, 'each attempt is a dispatch of its own');
      const ids = [first, dispatch, `${execution}-99`, `ex_${'0'.repeat(32)}-1`];
      await queue.add(ids.map((one) => ({ id: one, origin: null })));
      await bench().idle();
      assert.equal((await bench().outcome(await bench().submit())).state, 'succeeded');
      assert.equal((await bench().attempts(id)).length, 2);
      assert.equal((await finishedOf(id)).length, 1);
    });
  });
});

describe('a job', () => {
  let worker: JobWorker;
  before(() => {
    worker = bench().worker({ concurrency: 3 });
  });
  after(() => worker.close(0));

  it('is done once, with its report and outcome recorded', async () => {
    const { service, folder } = bench();
    const id = await bench().submit();
    const record = await bench().outcome(id);
    assert.equal(record.state, 'succeeded');
    assert.equal(record.attempts, 1);
    assert.deepEqual(record.progress, { phase: 'done', done: 3, total: 3, module: null });
    const { adapter_id } = succeededResults(record)[0]!;
    assert.match(adapter_id, /^ad_[0-9a-f]{32}$/);
    assert.equal(record.provider?.name, 'cpu');
    assert.ok(record.timings!.queue_wait >= 0 && record.timings!.total > 0);
    assert.ok(record.created_at <= record.started_at! && record.started_at! <= record.finished_at!);
    const report = await service.report(id);
    assert.equal(succeededTargets(report)[0]?.adapter_id, adapter_id);
    assert.deepEqual(report.timings, record.timings);

    const news = await finishedOf(id);
    assert.deepEqual(news, [{ record, totals: { modules: 3, bytesRead: 200, bytesWritten: 100 } }]);
    await bench().idle();
    await scratchIsEmpty(folder);
  });

  it('is not tried again after a permanent error, which arrives unchanged', async () => {
    const id = await bench().submit('permanent');
    const record = await bench().outcome(id);
    assert.equal(record.state, 'failed');
    assert.deepEqual(record.error, {
      code: 'NON_FINITE_WEIGHTS',
      title: 'A LoRA tensor holds NaN or infinity',
      detail: 'Tensor q_proj holds NaN.',
      retryable: false,
      context: { tensor: 'q_proj', index: 7 },
    });
    assert.equal(record.attempts, 1);
    assert.deepEqual(record.progress, { phase: 'gram', done: 1, total: 3, module: 'm1' });
    assert.deepEqual(await finishedOf(id), [{ record, totals: undefined }]);
    await bench().idle();
    assert.equal((await bench().attempts(id)).length, 1);
    await scratchIsEmpty(bench().folder);
  });

  it('is tried again after an error that may be temporary', async () => {
    const id = await bench().submit('transient');
    const record = await bench().outcome(id);
    assert.deepEqual([record.state, record.attempts, record.error], ['succeeded', 2, null]);
    assert.equal((await bench().attempts(id)).length, 2);
    assert.equal((await finishedOf(id)).length, 1);
  });

  it('fails with its last error when no attempt is left, whatever kind of error it is', async () => {
    const crash = await bench().submit('throw', 'transient', 'exit');
    const full = await bench().submit('throw', 'uncaught', 'transient');
    const bug = await bench().submit('exit', 'transient', 'throw');
    assert.deepEqual((await bench().outcome(crash)).error, {
      code: 'WORKER_CRASHED',
      title: 'The worker or its compute process crashed too often on this job',
      detail: 'The compute process ended with exit code 3.',
      retryable: false,
      context: { exit_code: 3 },
    });
    assert.deepEqual((await bench().outcome(full)).error?.context, { needed_bytes: 10 });
    const { error, attempts } = await bench().outcome(bug);
    assert.deepEqual([error?.code, error?.detail, attempts], ['INTERNAL', 'a mistake of ours', 3]);
  });

  it('shows its progress while it runs, and the end of each phase', async () => {
    const id = await bench().submit('progress');
    const record = await until('the last progress', async () => {
      const now = await bench().service.get(id);
      return now.progress.phase === 'core' ? now : undefined;
    });
    assert.equal(record.state, 'active');
    assert.equal(record.attempts, 1);
    assert.ok(record.started_at);
    assert.deepEqual(record.progress, { phase: 'core', done: 1, total: 1000, module: 'm1' });
    await bench().control.cancel(id);
  });
});

describe('a worker that shuts down', () => {
  it('lets the running job finish', () =>
    withWorker(async (worker) => {
      const id = await bench().submit('wait');
      await bench().attemptStarted(id, 1);
      const closed = worker.close(180_000);
      await bench().release(id);
      await closed;
      assert.equal((await bench().jobs.get(id))?.state, 'succeeded');
    }));

  it('hands back a job that takes too long, without losing an attempt', async () => {
    const id = await bench().submit('hang', 'transient', 'transient');
    await withWorker(async (worker) => {
      const pid = await bench().attemptStarted(id, 1);
      await worker.close(50);
      await isGone(pid);
    });
    const job = await bench().service.get(id);
    assert.deepEqual([job.state, job.error], ['queued', null]);
    await withWorker(async () => {
      // The first attempt did not count: after two more failures the job may still be tried.
      assert.equal((await bench().outcome(id)).state, 'succeeded');
    });
    assert.equal((await bench().attempts(id)).length, 4);
    await scratchIsEmpty(bench().folder);
  });
});

const scratchIsEmpty = (folder: string): Promise<true> =>
  until('an empty scratch folder', async () => {
    const names = await readdir(join(folder, 'storage/tmp'), { recursive: true });
    return names.some((name) => name.includes('half-written')) ? undefined : true;
  });

describe('a clock that is set back by a day while a job runs', () => {
  it('affects neither its lock nor its recorded times', async (t) => {
    const lockMs = 1_000;
    const rightNow = Date.now;
    const clock = t.mock.method(Date, 'now', () => rightNow() + 86_400_000);
    const two = (work: () => Promise<void>) =>
      withWorker(() => withWorker(work, { lockMs, concurrency: 1 }), { lockMs, concurrency: 1 });
    await two(async () => {
      const id = await bench().submit('wait');
      await bench().attemptStarted(id, 1);
      clock.mock.restore();
      await sleep(3 * lockMs);
      await bench().release(id);
      const { state, attempts, timings } = await bench().outcome(id);
      assert.deepEqual([state, attempts], ['succeeded', 1]);
      assert.ok(timings!.total > 2 && timings!.total < 3_600, `it took ${timings!.total} s`);
      const pace = await until('its pace', async () => {
        const rows = await bench().database.reader.selectFrom('worker').select('ms_per_mib').execute();
        return rows.find(({ ms_per_mib }) => ms_per_mib !== null)?.ms_per_mib;
      });
      assert.ok(pace! > 0 && pace! < 3_600_000, `${pace} ms for a MiB`);
    });
  });
});
