import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchJob } from '../../src/resources/jobs/events/watch-job.ts';
import { type Bench, REQUEST, until, withBench } from './harness.ts';

/** Notifications arrive only once there is a connection, so this executes jobs until one does. */
async function connected(bench: Bench): Promise<void> {
  const worker = bench.worker();
  let hints = 0;
  while (hints === 0) {
    const id = await bench.submit();
    const unwatch = bench.queue.watch((await bench.execution(id)).id, () => hints++);
    await bench.outcome(id);
    unwatch();
  }
  await worker.close(10_000);
}

/** What a stream of events would send. */
async function receivedHints(
  bench: Bench,
  jobId: string,
  pollMs: number,
): Promise<{ ids: string[]; end: Promise<void> }> {
  const ids: string[] = [];
  const { signal } = new AbortController();
  const first = await bench.service.get(jobId);
  const watch = {
    jobs: bench.service,
    signal,
    pollMs,
    heartbeatMs: 60_000,
    lifeMs: 60_000,
  };
  const all = async (): Promise<void> => {
    for await (const event of watchJob(first, undefined, watch))
      if (event !== 'beat') ids.push(event.event.id);
  };
  return { ids, end: all() };
}

describe('notifications from Redis', () => {
  it('reach the watchers of a job, but not those that have closed their watch', () =>
    withBench(async (bench) => {
      await connected(bench);
      const [one, other] = [await bench.submit('wait'), await bench.submit('wait')];
      const hints = { one: 0, other: 0, ended: 0 };
      const [first, second] = [await bench.execution(one), await bench.execution(other)];
      bench.queue.watch(first.id, () => hints.one++);
      bench.queue.watch(second.id, () => hints.other++);
      bench.queue.watch(first.id, () => hints.ended++)();
      bench.worker();
      await bench.attemptStarted(one, 1);
      await until('hints of one job', () => hints.one > 0);
      const before = hints.other;
      await bench.release(one);
      await bench.outcome(one);
      await until('hints of its end', () => hints.one > 2);
      assert.equal(hints.ended, 0);
      assert.ok(before <= 1, 'waiting');
      await bench.release(other);
      await bench.outcome(other);
    }));

  it('wake a request that waits for a job at once, long before it would have polled', () =>
    withBench(async (bench) => {
      await connected(bench);
      bench.worker();
      const id = await bench.submit('wait');
      await bench.attemptStarted(id, 1);
      const { ids, end } = await receivedHints(bench, id, 600_000);
      await until('the progress', () => ids.includes('1.3.1'));
      // By now it polls only once a minute, so the cause is clear without timing.
      await sleep(1_000);
      await bench.release(id);
      await end;
      assert.deepEqual([ids[0], ids[1], ids.at(-1)], ['0.0.0', '1.0.0', '1.99.0']);
    }));

  it('reach every job that waits for the same work', () =>
    withBench(async (bench) => {
      await connected(bench);
      bench.worker();
      const one = await bench.submit('wait');
      await bench.attemptStarted(one, 1);
      const other = await bench.service.submit(REQUEST);
      assert.deepEqual([other.state, other.reused], ['active', true]);
      const streams = [
        await receivedHints(bench, one, 600_000),
        await receivedHints(bench, other.id, 600_000),
      ];
      for (const { ids } of streams) await until('the progress', () => ids.includes('1.3.1'));
      await bench.release(one);
      for (const { ids, end } of streams) {
        await end;
        assert.equal(ids.at(-1), '1.99.0');
      }
    }));

  it('reach watchers of all jobs, with progress', () =>
    withBench(async (bench) => {
      await connected(bench);
      const heard = new Map<string, string[]>();
      const end = bench.queue.watchAll((execution, progress) => {
        const of = heard.get(execution) ?? [];
        heard.set(execution, of);
        of.push(progress?.phase ?? 'hint');
      });
      bench.worker();
      const id = await bench.submit('wait');
      const { id: execution } = await bench.execution(id);
      await bench.attemptStarted(id, 1);
      await until('its progress', () => heard.get(execution)?.includes('gram'));
      await bench.release(id);
      await bench.outcome(id);
      await until('its end', () => heard.get(execution)?.at(-1) === 'hint');
      assert.equal(heard.get(execution)![0], 'hint', 'it waits in the queue');
      end();
      heard.clear();
      await bench.outcome(await bench.submit());
      assert.equal(heard.size, 0);
    }));

  it('are lost while Redis is away; a watch continues when it is back', () =>
    withBench(async (bench, broker) => {
      await connected(bench);
      bench.worker();
      const id = await bench.submit('wait');
      await bench.attemptStarted(id, 1);
      const { ids, end } = await receivedHints(bench, id, 200);
      await until('the progress', () => ids.includes('1.3.1'));
      process.kill(broker.pid!, 'SIGKILL');
      // Long enough for the watch to poll in vain; no event shows that it did.
      await sleep(300);
      await bench.release(id);
      await end;
      assert.equal(ids.at(-1), '1.99.0');
      assert.equal((await bench.outcome(id)).state, 'succeeded');
    }));
});
