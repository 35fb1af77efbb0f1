import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DeliveryRecord } from '../../src/contract/webhook.ts';
import { Reconciler } from '../../src/queue/reconciler.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import { programEntry } from '../entry.ts';
import { SILENT, until } from './harness.ts';
import { type WebhookBench, withWebhooks } from './webhook-bench.ts';
import { Receiver } from './webhook-receiver.ts';

const PROGRAM = join(import.meta.dirname, 'webhook.program.ts');

/** A worker in another process, which ends with the test. */
async function workerProcess(
  bench: WebhookBench,
  key: Buffer,
): Promise<{ pid: number; end: () => Promise<void> }> {
  const options = {
    address: bench.bench.address,
    dataDir: bench.bench.folder,
    key: key.toString('base64'),
    lockMs: 1_000,
  };
  const child = spawn(process.execPath, [...programEntry(PROGRAM), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  return {
    pid: child.pid!,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The delivery once this many attempts are recorded. */
const attempted = (bench: WebhookBench, id: string, count: number): Promise<DeliveryRecord> =>
  until(`${count} attempts`, async () => {
    const [delivery] = await bench.all(id);
    return delivery && delivery.attempts.length >= count ? delivery : undefined;
  });

/** The maintenance that an API process does. */
function reconcilerOf(bench: WebhookBench): Reconciler {
  const { blobs: store, database, dispatcher, queue } = bench.bench;
  const workspaces = new Workspaces({ store, database, queue, dispatcher, deliveries: bench.queue });
  return new Reconciler({ workspaces, logger: SILENT, intervalMs: 200 });
}

describe('a worker of deliveries', () => {
  it('killed between sending and recording leads to the same webhook-id again', () =>
    withWebhooks(async (bench) => {
      const doomed = await workerProcess(bench, bench.key);
      const receiver = await Receiver.start();
      try {
        // The response is on its way when the worker dies, and nothing of it is recorded.
        receiver.before = () => {
          if (receiver.requests.length === 1) process.kill(doomed.pid, 'SIGKILL');
        };
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        await until('the request', () => receiver.requests.length === 1);
        await doomed.end();
        assert.deepEqual((await bench.all(id))[0]?.attempts, []);
        bench.worker({ lockMs: 1_000 });
        const delivery = await bench.final(id);
        assert.deepEqual(receiver.ids, [delivery.id, delivery.id]);
        assert.equal(receiver.requests[0]!.body, receiver.requests[1]!.body);
        assert.equal(delivery.state, 'delivered');
      } finally {
        await doomed.end();
        await receiver.close();
      }
    }));

  it('that stops abandons a request in progress, and another one sends it again', () =>
    withWebhooks(async (bench) => {
      const receiver = await Receiver.start('hang');
      try {
        const first = bench.worker({ timeoutMs: 60_000 });
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        await until('the request', () => receiver.requests.length === 1);
        await first.close(100);
        assert.deepEqual((await bench.all(id))[0]?.attempts, [], 'nothing was found out');
        bench.worker();
        const { attempts } = await bench.final(id);
        assert.deepEqual([attempts.length, new Set(receiver.ids).size], [1, 1]);
      } finally {
        await receiver.close();
      }
    }));
});

describe('when Redis has lost the queue', () => {
  it('pending deliveries are still sent, and not before their time', () =>
    withWebhooks(async (bench) => {
      const receiver = await Receiver.start(500);
      try {
        bench.worker({ schedule: [0, 2_500] });
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        const { next_attempt_at } = await attempted(bench, id, 1);
        await bench.bench.flush();
        const [lost] = await bench.all(id);
        assert.deepEqual(await bench.keeper.reconcile(), [lost!.id]);
        assert.deepEqual(await bench.keeper.reconcile(), [], 'it is in the queue again');
        assert.equal((await bench.final(id)).state, 'delivered');
        assert.ok(receiver.requests[1]!.atMs >= Date.parse(next_attempt_at!));
        assert.equal(new Set(receiver.ids).size, 1);
        assert.deepEqual(await bench.keeper.reconcile(), []);
      } finally {
        await receiver.close();
      }
    }));

  it('ends of jobs whose process died before it notified the queue are delivered later', () =>
    withWebhooks(async (bench) => {
      const receiver = await Receiver.start();
      const reconciler = reconcilerOf(bench);
      try {
        bench.worker();
        await bench.create(receiver.url);
        // The process dies after the transaction, before it notifies the queue.
        const untold = async () => (await bench.endedJob({ state: 'failed', tells: false })).id;
        const announced = () => receiver.requests.map(({ body }) => JSON.parse(body).data.job.id as string);
        const first = await untold();
        reconciler.start();
        await until('the event', () => receiver.requests.length === 1);
        const second = await untold();
        await until('the next event', () => announced().includes(second));
        assert.deepEqual(announced(), [first, second]);
      } finally {
        await reconciler.close();
        await receiver.close();
      }
    }));

  it('and is away at the end of a job, the event is sent when it is back', () =>
    withWebhooks(async (bench, broker) => {
      const receiver = await Receiver.start();
      const reconciler = reconcilerOf(bench);
      try {
        const { id } = await bench.create(receiver.url);
        bench.worker();
        reconciler.start();
        process.kill(broker.pid!, 'SIGKILL');
        const job = await bench.endedJob();
        const delivery = await bench.final(id);
        assert.deepEqual([delivery.subject, delivery.state], [job.id, 'delivered']);
        assert.deepEqual(receiver.ids, [delivery.id]);
        assert.equal((await bench.all(id)).length, 1);
      } finally {
        await reconciler.close();
        await receiver.close();
      }
    }));
});

describe('many events', () => {
  it('each arrive at least once, under an id of their own, while workers are killed and the queue is lost', () =>
    withWebhooks(async (bench) => {
      const receiver = await Receiver.start();
      const reconciler = reconcilerOf(bench);
      let doomed = await workerProcess(bench, bench.key);
      try {
        await bench.create(receiver.url);
        reconciler.start();
        const jobs: string[] = [];
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 10; i++) jobs.push((await bench.endedJob()).id);
          await doomed.end();
          if (round === 1) await bench.bench.flush();
          doomed = await workerProcess(bench, bench.key);
        }
        const subjects = (): string[] => receiver.requests.map(({ body }) => JSON.parse(body).data.job.id);
        await until('all events', () => new Set(subjects()).size === jobs.length);
        assert.deepEqual(new Set(subjects()), new Set(jobs));
        assert.equal(new Set(receiver.ids).size, jobs.length);
        await until('the end of all', async () => (await bench.pending()).length === 0);
      } finally {
        await reconciler.close();
        await doomed.end();
        await receiver.close();
      }
    }));
});
