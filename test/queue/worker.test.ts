import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { REQUEST, until, withBench } from './harness.ts';

describe('a job', () => {
  it('is done once, with its report and outcome recorded', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit();
      const record = await bench.outcome(id);
      assert.equal(record.state, 'succeeded');
      assert.equal(record.attempts, 1);
      assert.deepEqual(record.progress, { phase: 'done', done: 3, total: 3, module: null });
      assert.equal(record.results[0]?.adapter_id, 'ad_result');
      assert.equal(record.provider?.name, 'cpu');
      assert.ok(record.timings!.queue_wait >= 0 && record.timings!.total > 0);
      assert.ok(record.created_at <= record.started_at! && record.started_at! <= record.finished_at!);
      const report = await bench.service.report(id);
      assert.equal(report.targets[0]?.adapter_id, 'ad_result');
      assert.deepEqual(report.timings, record.timings);

      const [told] = await until('news of the end', () =>
        bench.finished.length > 0 ? bench.finished : undefined,
      );
      assert.deepEqual(told, { record, totals: { modules: 3, bytesRead: 200, bytesWritten: 100 } });
      assert.equal(await bench.queue.state(id), undefined);
      await until('its announcement', async () => (await bench.jobs.pending()).length === 0);
      await scratchIsEmpty(bench.folder);
    }));

  it('is not tried again after a permanent error, which arrives whole', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('permanent');
      const record = await bench.outcome(id);
      assert.equal(record.state, 'failed');
      assert.deepEqual(record.error, {
        code: 'NON_FINITE_WEIGHTS',
        title: 'A LoRA tensor holds NaN or infinity',
        detail: 'Tensor q_proj holds NaN.',
        retryable: false,
        context: { tensor: 'q_proj', index: 7 },
      });
      assert.equal(record.attempts, 1);
      await until('news of the end', () => bench.finished[0]);
      assert.deepEqual(bench.finished, [{ record, totals: undefined }]);
      assert.equal(await bench.queue.state(id), undefined);
      assert.equal((await bench.attempts(id)).length, 1);
      await scratchIsEmpty(bench.folder);
    }));

  it('is tried again after an error that may pass', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('transient');
      await bench.attemptStarted(id, 1);
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts, record.error], ['succeeded', 2, null]);
      await until('news of the end', () => bench.finished[0]);
      assert.equal(bench.finished.length, 1);
    }));

  it('fails with its last error when no attempt is left, whatever kind of error it is', () =>
    withBench(async (bench) => {
      bench.worker({ concurrency: 3 });
      const crash = await bench.submit('throw', 'uncaught', 'exit');
      const full = await bench.submit('exit', 'uncaught', 'transient');
      const bug = await bench.submit('exit', 'exit', 'throw');
      assert.deepEqual((await bench.outcome(crash)).error, {
        code: 'WORKER_CRASHED',
        title: 'The compute process died too often on this job',
        detail: 'The compute process ended with exit code 3.',
        retryable: false,
        context: { exit_code: 3 },
      });
      assert.deepEqual((await bench.outcome(full)).error?.context, { needed_bytes: 10 });
      const { error, attempts } = await bench.outcome(bug);
      assert.deepEqual([error?.code, error?.detail, attempts], ['INTERNAL', 'a mistake of ours', 3]);
    }));

  it('shows its progress while it runs, and the end of each phase', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('progress');
      const record = await until('the last progress', async () => {
        const now = await bench.service.get(id);
        return now.progress.phase === 'core' ? now : undefined;
      });
      assert.equal(record.state, 'active');
      assert.equal(record.attempts, 1);
      assert.ok(record.started_at);
      assert.deepEqual(record.progress, { phase: 'core', done: 1, total: 1000, module: 'm1' });
    }));
});

describe('a worker that shuts down', () => {
  it('lets the running job finish', () =>
    withBench(async (bench) => {
      const worker = bench.worker();
      const id = await bench.submit();
      await bench.attemptStarted(id, 1);
      await worker.close(30_000);
      assert.equal((await bench.outcome(id)).state, 'succeeded');
    }));

  it('gives a job that takes too long back, without the loss of an attempt', () =>
    withBench(async (bench) => {
      const worker = bench.worker();
      const id = await bench.submit('hang', 'transient', 'transient');
      const pid = await bench.attemptStarted(id, 1);
      await worker.close(50);
      await until('the end of the compute process', () => !isRunningPid(pid));
      const job = await bench.service.get(id);
      assert.deepEqual([job.state, job.error], ['queued', null]);
      bench.worker();
      // The first attempt did not count: two failures more and it is still alive.
      assert.equal((await bench.outcome(id)).state, 'succeeded');
      assert.equal((await bench.attempts(id)).length, 4);
      await scratchIsEmpty(bench.folder);
    }));
});

describe('a job that is queued again', () => {
  it('is not done again when it has an outcome', () =>
    withBench(async (bench) => {
      const id = await bench.submit();
      const record = (await bench.jobs.get(id))!;
      await bench.jobs.finish({ ...record, state: 'succeeded', finished_at: new Date().toISOString() });
      bench.worker();
      await until('the queue to be empty', async () => ((await bench.queue.state(id)) ? undefined : true));
      assert.deepEqual(await bench.attempts(id), []);
      await until('news of the end', () => bench.finished[0]);
      assert.equal(bench.finished[0]?.totals, undefined);
    }));

  it('is nothing to the worker when it was never accepted', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('hang');
      await bench.attemptStarted(id, 1);
      // The worker is busy: this one stays queued until its record is gone.
      const ghost = (await bench.service.submit(REQUEST)).id;
      await bench.jobs.discard(ghost);
      bench.worker();
      await until('the queue to let it go', async () =>
        (await bench.queue.state(ghost)) ? undefined : true,
      );
      assert.equal(await bench.jobs.get(ghost), undefined);
      assert.deepEqual(await bench.attempts(ghost), []);
    }));
});

function isRunningPid(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function scratchIsEmpty(folder: string): Promise<void> {
  await until('an empty scratch folder', async () => {
    const names = await readdir(join(folder, 'storage/tmp'), { recursive: true });
    return names.some((name) => name.includes('half-written')) ? undefined : true;
  });
  await sleep(0);
}
