import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { SandboxedWorker } from '../../src/queue/sandboxed-worker.ts';
import { commandLine, descendantsOf } from '../e2e/process-tree.ts';
import { isGone, SCRIPTED_PROCESSOR, until, withBench } from './harness.ts';

/** So long the job of a worker that died is held; one that lives renews it in time on a busy machine, too. */
const LOCK_MS = 4_000;

describe('when the compute process is killed', () => {
  it('its job is done by a new one', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('hang');
      process.kill(await bench.attemptStarted(id, 1), 'SIGKILL');
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
      const [first, second] = await bench.attempts(id);
      assert.notEqual(first, second);
    }));

  it('at every attempt, the job fails and names the signal', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('hang', 'hang', 'hang');
      for (const attempt of [1, 2, 3]) process.kill(await bench.attemptStarted(id, attempt), 'SIGKILL');
      const { state, error } = await bench.outcome(id);
      assert.deepEqual(
        [state, error?.code, error?.context],
        ['failed', 'WORKER_CRASHED', { signal: 'SIGKILL' }],
      );
      assert.match(error!.detail, /ended by SIGKILL.*memory/);
    }));
});

describe('when the compute process is killed while it starts', () => {
  it('its job is done by a new one', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit();
      const { pid } = await until('the compute process', () =>
        descendantsOf(process.pid).find((one) => commandLine(one).includes('node_modules/bullmq/')),
      );
      process.kill(pid, 'SIGKILL');
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
      assert.equal((await bench.attempts(id)).length, 1);
    }));

  it('at every attempt, the job fails and names the signal', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit();
      const ended = bench.outcome(id);
      const killed = new Set<number>();
      while (killed.size < 3) {
        const { pid } = await until('the compute process', () =>
          descendantsOf(process.pid).find(
            (one) => !killed.has(one.pid) && commandLine(one).includes('node_modules/bullmq/'),
          ),
        );
        killed.add(pid);
        process.kill(pid, 'SIGKILL');
      }
      const { state, error } = await ended;
      assert.deepEqual(
        [state, error?.code, error?.context],
        ['failed', 'WORKER_CRASHED', { signal: 'SIGKILL' }],
      );
    }));

  it('what is sent to it afterwards fails quietly', () =>
    withBench(async (bench) => {
      const worker = new SandboxedWorker(
        SCRIPTED_PROCESSOR,
        {
          connection: { path: (bench.address as { socketPath: string }).socketPath },
          workerForkOptions: { env: bench.computeEnv() },
          storageRetryMs: 0,
        },
        {} as never,
      );
      const { childPool: pool } = worker as unknown as {
        childPool: {
          retain(file: string): Promise<ChildProcess & { send(message: unknown): Promise<void> }>;
        };
      };
      const child = await pool.retain(SCRIPTED_PROCESSOR.href);
      process.kill(child.pid!, 'SIGKILL');
      await isGone(child.pid!);
      await child.send({ cmd: 0 });
      await worker.close();
    }));
});

describe('when the worker is killed', () => {
  it('its compute process ends too, and another worker does the job', () =>
    withBench(async (bench) => {
      const doomed = await bench.workerProcess(LOCK_MS);
      const id = await bench.submit('hang');
      const orphan = await bench.attemptStarted(id, 1);
      doomed.kill('SIGKILL');
      await isGone(orphan);
      bench.worker({ lockMs: LOCK_MS });
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
      assert.equal((await bench.attempts(id)).length, 2);
    }));

  it('by the same job again and again, that job is given up', () =>
    withBench(async (bench) => {
      const id = await bench.submit('hang', 'hang', 'hang');
      for (const attempt of [1, 2]) {
        const doomed = await bench.workerProcess(LOCK_MS);
        await bench.attemptStarted(id, attempt);
        doomed.kill('SIGKILL');
      }
      bench.worker({ lockMs: LOCK_MS });
      const { state, error } = await bench.outcome(id);
      assert.deepEqual([state, error?.code], ['failed', 'WORKER_CRASHED']);
      assert.equal((await bench.attempts(id)).length, 2);
      await until('news of the end', () => bench.finished[0]);
    }));
});

describe('when Redis loses everything', () => {
  it('accepted jobs are queued again, and only those', () =>
    withBench(async (bench, broker) => {
      const lost = [await bench.submit(), await bench.submit()];
      const done = await bench.submit();
      const record = (await bench.jobs.get(done))!;
      await bench.jobs.finish({ ...record, state: 'failed' });
      await flush(broker.socketPath);
      assert.equal((await bench.service.get(lost[0]!)).state, 'queued');
      const [alreadyThere] = [await bench.submit()];

      assert.deepEqual((await bench.keeper.reconcile()).sort(), lost.sort());
      assert.deepEqual(await bench.keeper.reconcile(), []);
      bench.worker();
      for (const id of [...lost, alreadyThere]) assert.equal((await bench.outcome(id)).state, 'succeeded');
      assert.deepEqual(await bench.attempts(done), []);
      assert.deepEqual(await bench.keeper.reconcile(), []);
    }));

  it('in mid-job, that job is done all the same, and once', () =>
    withBench(async (bench, broker) => {
      const worker = bench.worker();
      const id = await bench.submit('wait');
      await bench.attemptStarted(id, 1);
      await flush(broker.socketPath);
      assert.deepEqual(await bench.keeper.reconcile(), [id]);
      await bench.release(id);
      assert.equal((await bench.outcome(id)).state, 'succeeded');
      const next = await bench.submit();
      assert.equal((await bench.outcome(next)).state, 'succeeded');
      await until('the queue to let it go', async () => ((await bench.queue.state(id)) ? undefined : true));
      await worker.close(10_000);
      assert.equal((await bench.attempts(id)).length, 1);
    }));
});

describe('when Redis is killed in mid-job', () => {
  it('it is started again, empty; the job is queued again and ends, and new ones are taken', () =>
    withBench(async (bench, broker) => {
      bench.worker({ concurrency: 2 });
      const waiting = await bench.submit('transient');
      await bench.attemptStarted(waiting, 1);
      const first = broker.pid!;
      process.kill(first, 'SIGKILL');
      await until('another server', () => (broker.pid && broker.pid !== first ? broker.pid : undefined));
      const done = await until('the end of the job', async () => {
        await bench.keeper.reconcile().catch(() => undefined);
        return bench.ended(waiting);
      });
      assert.equal(done.state, 'succeeded');
      const next = await until('the queue', () => bench.submit().catch(() => undefined));
      assert.equal((await bench.outcome(next)).state, 'succeeded');
    }));
});

async function flush(socketPath: string): Promise<void> {
  const redis = new Redis({ path: socketPath });
  await redis.flushall();
  redis.disconnect();
}
