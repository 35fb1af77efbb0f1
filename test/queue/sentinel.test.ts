import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { BullJobQueue } from '../../src/queue/producer.ts';
import { Bench, PREFIX, SILENT, until, withFolder } from './harness.ts';
import { type SentinelDeployment, startSentinels } from './redis-topologies.ts';

const PASSWORDS = { password: 'hunter2', sentinelPassword: 'hunter3' };
/** A call waits for a connection and then for an answer: 1.3 s, and what a busy machine adds. */
const REFUSAL_LIMIT_MS = 5_000;

function withSentinels(work: (bench: Bench, deployment: SentinelDeployment) => Promise<void>) {
  return withFolder(async (folder) => {
    const deployment = await startSentinels(folder, PASSWORDS);
    try {
      const bench = await Bench.open(folder, { url: deployment.url });
      try {
        await isFit(bench.queue);
        await work(bench, deployment);
      } finally {
        await bench.close();
      }
    } finally {
      await deployment.stop();
    }
  });
}

const isFit = (queue: BullJobQueue) =>
  until('the queue', () =>
    queue.check().then(
      () => true,
      () => undefined,
    ),
  );

async function isRefused(
  call: Promise<unknown>,
  message = /cannot be reached|does not answer/,
): Promise<void> {
  const begun = performance.now();
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, 'QUEUE_UNAVAILABLE');
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /127\.0\.0\.1|hunter/);
    return true;
  });
  assert.ok(performance.now() - begun < REFUSAL_LIMIT_MS);
}

describe('Redis behind Sentinel', () => {
  it('holds the queue on the master, in the database that the URL names', () =>
    withSentinels(async (bench, { master, ask }) => {
      const id = await bench.submit('transient');
      assert.match(await ask(master.port, 'info', 'keyspace'), /db2:keys=[1-9]/);
      bench.worker();
      assert.equal((await bench.outcome(id)).state, 'succeeded');
    }));

  it('is at risk when the master may drop jobs', () =>
    withSentinels(async ({ queue }, { master, ask }) => {
      await ask(master.port, 'config', 'set', 'maxmemory-policy', 'volatile-ttl');
      assert.match((await queue.check())[0]!.detail, /volatile-ttl/);
    }));

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    it(`goes on with the replica after ${signal} to the master`, () =>
      withSentinels(async (bench, { master, failedOver }) => {
        bench.worker();
        const running = await bench.submit('wait');
        await bench.attemptStarted(running, 1);
        const waiting = [await bench.submit(), await bench.submit()];
        process.kill(master.pid, signal);
        await isRefused(bench.submit());
        await failedOver();
        await bench.release(running);
        const later = await until('the queue', () => bench.submit().catch(() => undefined));
        for (const id of [running, ...waiting, later]) {
          assert.equal((await bench.outcome(id)).state, 'succeeded', id);
        }
        // Whether a master hangs or nothing was to be done is known after some seconds only; a lock may go meanwhile.
        if (signal === 'SIGKILL') assert.equal((await bench.attempts(running)).length, 1);
        await isFit(bench.queue);
      }));
  }
});

describe('sentinels that do not answer', () => {
  it('are no queue, and the refusal says so without their addresses', async () => {
    const url = 'redis+sentinel://:hunter2@127.0.0.1:1,127.0.0.1:2/main';
    const queue = new BullJobQueue({ address: { url }, prefix: PREFIX, logger: SILENT });
    try {
      await isRefused(queue.counts(), /no sentinel can be reached/);
    } finally {
      await queue.close();
    }
  });
});
