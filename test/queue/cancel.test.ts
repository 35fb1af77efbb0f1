import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobPriority } from '../../src/contract/job-request.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { isGone, REQUEST, until, withBench } from './harness.ts';

/** Only prevents hanging. */
const LONG_MS = 180_000;

describe('cancelling with real Redis and real workers', () => {
  it('keeps a waiting job from ever beginning', () =>
    withBench(async (bench) => {
      const running = await bench.submit('wait');
      bench.worker();
      await bench.attemptStarted(running, 1);
      const waiting = await bench.submit();
      await bench.dispatched(waiting);
      assert.equal((await bench.control.cancel(waiting)).state, 'cancelled');
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
      await bench.idle();
      const next = await bench.submit();
      assert.equal((await bench.outcome(next)).state, 'succeeded');
      assert.deepEqual(await bench.jobs.get(id), job);
      assert.equal((await bench.attempts(id)).length, 1);
      const finished = bench.finished.filter(({ record }) => record.id === id);
      assert.deepEqual(
        finished.map(({ record }) => record.state),
        ['cancelled'],
      );
    }));

  it('keeps the progress of an active job', () =>
    withBench(async (bench) => {
      const id = await bench.submit('wait');
      bench.worker();
      const { progress } = await until('its progress', async () => {
        const job = await bench.service.get(id);
        return job.progress.phase === 'gram' ? job : undefined;
      });
      assert.deepEqual((await bench.control.cancel(id)).progress, progress);
      await bench.release(id);
      await bench.idle();
      assert.deepEqual((await bench.service.get(id)).progress, progress);
    }));

  it('prevents the next attempt of a job that waits for it', () =>
    withBench(async (bench) => {
      const id = await bench.submit('wait-transient', 'transient');
      const worker = bench.worker();
      await bench.attemptStarted(id, 1);
      // The worker takes no more jobs: the pause before the next attempt lasts until another worker starts.
      const left = worker.close(LONG_MS);
      await bench.release(id);
      await left;
      assert.equal((await bench.service.get(id)).state, 'queued');
      const job = await bench.control.cancel(id);
      assert.deepEqual([job.state, job.attempts], ['cancelled', 1]);
      bench.worker();
      // Its attempt would have come before the third one of a job that was submitted later.
      assert.equal((await bench.outcome(await bench.submit('transient', 'transient'))).attempts, 3);
      assert.equal((await bench.attempts(id)).length, 1);
      assert.equal((await bench.jobs.get(id))?.state, 'cancelled');
    }));

  it('holds even if the worker dies at that moment', () =>
    withBench(async (bench) => {
      const id = await bench.submit('hang', 'hang');
      const child = await bench.workerProcess(1_500);
      const compute = await bench.attemptStarted(id, 1);
      const cancelling = bench.control.cancel(id);
      child.kill('SIGKILL');
      assert.equal((await cancelling).state, 'cancelled');
      await isGone(compute);
      // Another worker finds its stalled job, which is already cancelled.
      bench.worker({ lockMs: 1_500 });
      await bench.idle();
      assert.equal((await bench.attempts(id)).length, 1);
      assert.equal((await bench.jobs.get(id))?.state, 'cancelled');
      assert.deepEqual(bench.lost, []);
    }));

  it('holds or fails if the job ends at that moment: exactly one of the two applies', () =>
    withBench(async (bench) => {
      bench.worker();
      for (let round = 0; round < 5; round++) {
        const id = await bench.submit('wait');
        await bench.attemptStarted(id, 1);
        await bench.release(id);
        // Before the job ends, meanwhile or afterwards; no event marks the moment.
        await sleep(round * 10);
        const answer = await bench.control.cancel(id).catch((error: unknown) => error);
        const { state } = await bench.outcome(id);
        if (answer instanceof AppError) assert.deepEqual([answer.code, state], ['JOB_FINAL', 'succeeded']);
        else assert.equal(state, 'cancelled');
        await bench.idle();
        assert.equal((await bench.jobs.get(id))?.state, state);
      }
    }));

  it('stops running work without Redis as well', () =>
    withBench(async (bench, broker) => {
      const id = await bench.submit('hang');
      bench.worker();
      await bench.attemptStarted(id, 1);
      process.kill(broker.pid!, 'SIGSTOP');
      const job = await bench.control.cancel(id);
      assert.equal(job.state, 'cancelled');
      await bench.stopped(id).finally(() => process.kill(broker.pid!, 'SIGCONT'));
      await bench.idle();
      assert.deepEqual(await bench.jobs.get(id), job);
      assert.equal(await bench.report(id), undefined);
    }));

  it('leaves shared work to the other jobs, and stops it when the last one is cancelled', () =>
    withBench(async (bench) => {
      bench.worker();
      const one = await bench.submit('hang');
      await bench.attemptStarted(one, 1);
      const other = (await bench.service.submit(REQUEST)).id;
      assert.equal((await bench.execution(one)).id, (await bench.execution(other)).id);
      assert.equal((await bench.control.cancel(one)).state, 'cancelled');
      // As long as it takes to notice a cancellation.
      await sleep(1_500);
      assert.equal((await bench.service.get(other)).state, 'active');
      assert.equal(existsSync(join(bench.folder, 'script', `${one}.stopped`)), false);
      await bench.control.cancel(other);
      await bench.stopped(one);
      await bench.idle();
    }));

  it('followed by deletion leaves nothing that returns when the attempt ends', () =>
    withBench(async (bench) => {
      const id = await bench.submit('wait');
      bench.worker();
      await bench.attemptStarted(id, 1);
      await bench.control.cancel(id);
      await bench.control.remove(id);
      await bench.release(id);
      await bench.idle();
      assert.deepEqual([await bench.jobs.get(id), await bench.report(id)], [undefined, undefined]);
    }));
});

describe('priorities', () => {
  const ORDER: JobPriority[] = ['low', 'normal', 'high', 'low', 'high', 'normal'];

  it('determine the order of the work, even if Redis was lost in between', () =>
    withBench(async (bench) => {
      const ids: string[] = [];
      for (const priority of ORDER) ids.push(await bench.submitWith({ priority }, 'wait'));
      bench.worker();
      await bench.attemptStarted(ids[2]!, 1);
      await bench.dispatched(ids[4]!);
      await bench.flush();
      await until('the one that was lost', () => bench.lost.length === 1);
      for (const id of ids) await bench.release(id);
      const ended = await Promise.all(ids.map((id) => bench.outcome(id)));
      ended.sort((x, y) => (x.started_at! < y.started_at! ? -1 : 1));
      assert.deepEqual(
        ended.map(({ priority }) => priority),
        ['high', 'high', 'normal', 'normal', 'low', 'low'],
      );
    }));
});
