import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxedWorker } from '../../src/queue/sandboxed-worker.ts';
import { commandLine, descendantsOf } from '../e2e/process-tree.ts';
import { type Bench, isGone, SCRIPTED_PROCESSOR, type Step, until, withBench } from './harness.ts';

/**
 * How long the job of a dead worker stays locked. A live worker renews the lock in time even on a busy
 * machine.
 */
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
      assert.match(error!.detail, /killed by SIGKILL.*memory/);
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

  it('messages sent to it afterwards fail quietly', () =>
    withBench(async (bench) => {
      const worker = new SandboxedWorker(
        SCRIPTED_PROCESSOR,
        {
          connection: { path: (bench.address as { socketPath: string }).socketPath },
          workerForkOptions: { env: bench.computeEnv() },
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

  it('repeatedly by the same job, that job is given up', () =>
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

describe('when a worker is blocked for longer than its lock', () => {
  it('another one does the job, and the late outcome of the first one has no effect', () =>
    withBench(async (bench) => {
      const { reader } = bench.database;
      const zombie = await bench.workerProcess(LOCK_MS);
      const id = await bench.submit('wait', 'succeed');
      await bench.attemptStarted(id, 1);
      const writes = () => reader.selectFrom('content_write').select('expires_at').execute();
      const [begun] = await writes();
      process.kill(zombie.pid!, 'SIGSTOP');
      bench.worker({ lockMs: LOCK_MS });
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
      await bench.release(id);
      process.kill(zombie.pid!, 'SIGCONT');
      await until(
        'the end of the late attempt',
        async () => (await writes())[0]?.expires_at !== begun?.expires_at,
      );
      assert.deepEqual(await bench.jobs.get(id), record);
      const made = reader.selectFrom('adapter').select('id').where('job', '=', id);
      assert.equal((await made.execute()).length, 1);
      assert.equal((await bench.execution(id)).state, 'succeeded');
    }));
});

describe('when a worker that was blocked continues before the other one is done', () => {
  /** Both work on the same dispatch, the first one is stopped. */
  const withTwo = (
    steps: readonly [Step, Step],
    work: (bench: Bench, id: string, zombie: ChildProcess, second: number) => Promise<void>,
  ) =>
    withBench(async (bench) => {
      const zombie = await bench.workerProcess(LOCK_MS);
      const id = await bench.submit(...steps);
      await bench.attemptStarted(id, 1);
      process.kill(zombie.pid!, 'SIGSTOP');
      bench.worker({ lockMs: LOCK_MS });
      const second = await bench.attemptStarted(id, 2);
      assert.match((await bench.execution(id)).dispatch, /-1$/);
      await work(bench, id, zombie, second);
      const { reader } = bench.database;
      const adapters = await reader.selectFrom('adapter').select(['job', 'bytes']).execute();
      assert.deepEqual(adapters.map(({ job }) => job).sort(), [id, null], 'the source, and one result');
      const bytes = adapters.reduce((sum, one) => sum + one.bytes, 0);
      const usage = await reader.selectFrom('usage').selectAll().executeTakeFirstOrThrow();
      assert.deepEqual([usage.adapters, usage.bytes, usage.jobs], [2, bytes, 1]);
      assert.equal((await bench.execution(id)).state, 'succeeded');
    });

  it('its result is used, and the other one is stopped', () =>
    withTwo(['wait', 'hang'], async (bench, id, zombie) => {
      await bench.release(id);
      process.kill(zombie.pid!, 'SIGCONT');
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
      await bench.stopped(id);
      await bench.idle();
      assert.deepEqual(await bench.jobs.get(id), record);
    }));

  it('its failure is ignored: the other one has started over', () =>
    withTwo(['wait-transient', 'wait'], async (bench, id, zombie, second) => {
      const writes = () => bench.database.reader.selectFrom('content_write').selectAll().execute();
      const [first] = await writes();
      process.kill(second, 'SIGSTOP');
      await bench.release(id);
      process.kill(zombie.pid!, 'SIGCONT');
      await until(
        'the end of the late attempt',
        async () => (await writes())[0]?.expires_at !== first?.expires_at,
      );
      // Its outcome would be recorded next.
      await sleep(1_000);
      assert.equal((await bench.execution(id)).state, 'dispatched');
      process.kill(second, 'SIGCONT');
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
    }));
});

describe('when Redis loses everything', () => {
  it('waiting jobs are queued again and done once, and running ones stay with their workers', () =>
    withBench(async (bench) => {
      const worker = bench.worker();
      const running = await bench.submit('wait');
      await bench.attemptStarted(running, 1);
      const waiting = [await bench.submit(), await bench.submit(), await bench.submit()];
      const behind = await bench.dispatched(waiting[0]!);
      await bench.flush();
      await until('the one that was queued', () => bench.lost.includes(behind));
      // Longer than a dispatch that no worker reports would be left alone.
      await sleep(11_000);
      assert.deepEqual(new Set(bench.lost), new Set([behind]));
      await bench.release(running);
      for (const id of [running, ...waiting]) {
        assert.equal((await bench.outcome(id)).state, 'succeeded');
        assert.equal((await bench.attempts(id)).length, 1);
      }
      await bench.idle();
      await worker.close(10_000);
    }));

  it('and the worker dies too, another worker does its job', () =>
    withBench(async (bench) => {
      const doomed = await bench.workerProcess();
      const id = await bench.submit('hang');
      const orphan = await bench.attemptStarted(id, 1);
      doomed.kill('SIGKILL');
      await isGone(orphan);
      await bench.flush();
      bench.worker();
      const record = await bench.outcome(id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 2]);
      assert.deepEqual(bench.lost.length, 1);
    }));
});

describe('when Redis is killed while a job runs', () => {
  it('it is started again, empty; the job ends, its next attempt follows, and new jobs are accepted', () =>
    withBench(async (bench, broker) => {
      bench.worker({ concurrency: 2 });
      const running = await bench.submit('wait-transient', 'succeed');
      await bench.attemptStarted(running, 1);
      const first = broker.pid!;
      process.kill(first, 'SIGKILL');
      const meanwhile = await bench.submit();
      await bench.release(running);
      await until('another server', () => (broker.pid && broker.pid !== first ? broker.pid : undefined));
      for (const id of [running, meanwhile, await bench.submit()])
        assert.equal((await bench.outcome(id)).state, 'succeeded');
      assert.equal((await bench.attempts(running)).length, 2);
    }));
});

describe('while Redis is away', () => {
  it('jobs are accepted and end, and the waiting ones are done when it is back', () =>
    withBench(async (bench, broker) => {
      bench.worker();
      const running = await bench.submit('wait');
      await bench.attemptStarted(running, 1);
      process.kill(broker.pid!, 'SIGSTOP');
      let waiting: string[];
      try {
        waiting = [await bench.submit(), await bench.submit()];
        await bench.release(running);
        assert.equal((await bench.outcome(running)).state, 'succeeded');
        for (const id of waiting) assert.equal((await bench.service.get(id)).state, 'queued');
      } finally {
        process.kill(broker.pid!, 'SIGCONT');
      }
      for (const id of waiting) assert.equal((await bench.outcome(id)).state, 'succeeded');
      for (const id of [running, ...waiting]) assert.equal((await bench.attempts(id)).length, 1);
    }));
});
