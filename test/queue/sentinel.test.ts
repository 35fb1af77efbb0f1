import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { BullJobQueue } from '../../src/queue/bull-job-queue.ts';
import { Bench, PREFIX, SILENT, until, withFolder } from './harness.ts';
import { type SentinelDeployment, startSentinels } from './redis-topologies.ts';

const PASSWORDS = { password: 'hunter2', sentinelPassword: 'hunter3' };

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

/** While no master is available, and not once one is. */
async function isRefused(
  call: Promise<unknown>,
  message = /cannot be reached|does not answer/,
): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, 'QUEUE_UNAVAILABLE');
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /127\.0\.0\.1|hunter/);
    return true;
  });
}

describe('Redis behind Sentinel', () => {
  it('holds the queue on the master, in the database that the URL names, and continues when the master hangs', () =>
    withSentinels(async (bench, deployment) => {
      const { master, ask } = deployment;
      bench.worker();
      const id = await bench.submit('wait-transient');
      await bench.attemptStarted(id, 1);
      assert.match(await ask(master.port, 'info', 'keyspace'), /db2:keys=[1-9]/);
      await bench.release(id);
      assert.equal((await bench.outcome(id)).state, 'succeeded');
      // Whether a master hangs or is idle is known only after some seconds; a lock may expire meanwhile.
      await goesOn(bench, deployment, 'SIGSTOP');
    }));

  it('is at risk if the master may drop jobs, and continues when the master is killed', () =>
    withSentinels(async (bench, deployment) => {
      const { master, ask } = deployment;
      await ask(master.port, 'config', 'set', 'maxmemory-policy', 'volatile-ttl');
      assert.match((await bench.queue.check())[0]!.detail, /volatile-ttl/);
      bench.worker();
      const running = await goesOn(bench, deployment, 'SIGKILL');
      assert.equal((await bench.attempts(running)).length, 1);
    }));
});

/**
 * Jobs that run, wait and are submitted later are done although the master dies. @returns the one that ran
 * meanwhile
 */
async function goesOn(
  bench: Bench,
  { master, failedOver }: SentinelDeployment,
  signal: NodeJS.Signals,
): Promise<string> {
  const running = await bench.submit('wait');
  await bench.attemptStarted(running, 1);
  const waiting = [await bench.submit(), await bench.submit()];
  process.kill(master.pid, signal);
  await isRefused(bench.queue.check());
  const later = await bench.submit();
  await failedOver();
  await bench.release(running);
  for (const id of [running, ...waiting, later])
    assert.equal((await bench.outcome(id)).state, 'succeeded', id);
  await isFit(bench.queue);
  return running;
}

describe('sentinels that do not answer', () => {
  it('are not a queue, and the refusal states this without their addresses', async () => {
    const url = 'redis+sentinel://:hunter2@127.0.0.1:1,127.0.0.1:2/main';
    const queue = new BullJobQueue({ address: { url }, prefix: PREFIX, logger: SILENT });
    try {
      await isRefused(queue.check(), /no sentinel can be reached/);
    } finally {
      await queue.close();
    }
  });
});
