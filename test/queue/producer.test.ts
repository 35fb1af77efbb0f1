import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { AppError } from '../../src/errors/app-error.ts';
import { BullJobQueue } from '../../src/queue/bull-job-queue.ts';
import { assessServer, COMMAND_TIMEOUT_MS } from '../../src/queue/redis-connection.ts';
import { TcpFaultProxy } from '../chaos/tcp-fault-proxy.ts';
import { freePort } from '../free-port.ts';
import { FIT, startExternalRedis } from './external-redis.ts';
import { Bench, PREFIX, REQUEST, SILENT, until, withBench, withFolder } from './harness.ts';

const ID = 'ex_0123456789abcdef0123456789abcdef-1';

const openQueue = (url: string): BullJobQueue =>
  new BullJobQueue({ address: { url }, prefix: PREFIX, logger: SILENT });

async function isUnavailable(
  call: Promise<unknown>,
  message = /cannot be reached|does not answer/,
  code = 'QUEUE_UNAVAILABLE',
): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /127\.0\.0\.1/, 'the address of Redis is nobody’s business');
    return true;
  });
}

const DISPATCH = { id: ID, origin: null };

/** Whether the assertions in a function hold, so that it can be tried again if they do not. */
const TRUTH = [() => true, () => undefined] as const;

/** Every call of the port, so that none is forgotten. */
const everyCall = (queue: BullJobQueue): Promise<unknown>[] => [
  queue.add([DISPATCH]),
  queue.missing([ID]),
  queue.progress([ID]),
  queue.check(),
];

describe('the queue', () => {
  it('is well if Redis is, even if Redis was slow at first', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, FIT);
      const proxy = await TcpFaultProxy.start(redis.port);
      const queue = openQueue(`redis://127.0.0.1:${proxy.port}`);
      try {
        const { client } = (queue as unknown as { redis: { client: Redis } }).redis;
        await new Promise<void>((resolve) => {
          client.prependOnceListener('ready', () => {
            proxy.fault = 'blackhole';
            resolve();
          });
        });
        await isUnavailable(queue.add([DISPATCH]));
        // Until the commands after the refused ones have been given up as well.
        await sleep(COMMAND_TIMEOUT_MS);
        proxy.fault = 'none';
        await until('readiness', () => queue.check().then(...TRUTH));
        await queue.add([DISPATCH]);
        assert.deepEqual(await queue.missing([ID]), []);
      } finally {
        await queue.close();
        await proxy.close();
        await redis.stop();
      }
    }));

  it('accepts dispatches in order, each once, however often it is added', () =>
    withBench(async (bench) => {
      const { queue } = bench;
      const ids = Array.from({ length: 250 }, (_, i) => `ex_${i}-1`);
      assert.deepEqual(await queue.missing(ids), ids);
      await queue.add([{ id: ids[0]!, origin: null }]);
      await queue.add(ids.map((id) => ({ id, origin: null })));
      assert.deepEqual(await queue.missing([...ids, ID]), [ID]);
      const waiting = await bench.inBull((bull) => bull.getJobs(['waiting'], 0, -1, true));
      assert.deepEqual(
        waiting.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(await queue.progress(ids), new Map());
      await queue.check();
    }));

  it('wakes those who wait for a job, at its end and not before', () =>
    withBench(async (bench) => {
      bench.worker();
      const id = await bench.submit('wait');
      let isOver = false;
      const waits = [1, 2].map(() =>
        bench.service.wait(id, 60_000).finally(() => {
          isOver = true;
        }),
      );
      await bench.attemptStarted(id, 1);
      assert.equal((await bench.service.wait(id, 30)).state, 'active');
      assert.equal(isOver, false);
      await bench.release(id);
      for (const record of await Promise.all(waits)) assert.equal(record.state, 'succeeded');
      assert.equal((await bench.service.wait(id, 60_000)).state, 'succeeded');
    }));

  it('is queried rarely while thousands of jobs wait', () =>
    withBench(async (bench) => {
      bench.worker();
      const running = await bench.submit('hang');
      await bench.attemptStarted(running, 1);
      const jobs = Array.from({ length: 2_000 }, () => REQUEST);
      await bench.batches.submit({ jobs, reuse: false });
      const SECONDS = 5;
      const before = await bench.commands();
      await sleep(SECONDS * 1_000);
      const perSecond = ((await bench.commands()) - before) / SECONDS;
      assert.ok(perSecond <= 20, `${perSecond} commands a second`);
    }));
});

describe('without Redis', () => {
  it('every call fails soon, and works again when Redis is back', () =>
    withFolder(async (folder) => {
      const port = await freePort();
      const queue = openQueue(`redis://127.0.0.1:${port}`);
      try {
        await Promise.all(everyCall(queue).map((call) => isUnavailable(call, /ECONNREFUSED/)));
        const redis = await startExternalRedis(folder, FIT, port);
        await until('the queue', () =>
          queue.check().then(
            () => true,
            () => undefined,
          ),
        );
        await queue.add([DISPATCH]);
        await redis.stop('SIGKILL');
        await Promise.all(everyCall(queue).map((call) => isUnavailable(call)));
        const again = await startExternalRedis(folder, FIT, port);
        await until('the queue', () =>
          queue.check().then(
            () => true,
            () => undefined,
          ),
        );
        await again.stop();
      } finally {
        await queue.close();
      }
    }));

  it('a server that accepts connections and never answers counts as missing', async () => {
    const sockets: Socket[] = [];
    const hole = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(hole, 'listening');
    const queue = openQueue(`redis://127.0.0.1:${(hole.address() as AddressInfo).port}`);
    try {
      await Promise.all(everyCall(queue).map((call) => isUnavailable(call)));
    } finally {
      await queue.close();
      for (const socket of sockets) socket.destroy();
      hole.close();
    }
  });

  it('jobs are accepted, and done when it is back', () =>
    withFolder(async (folder) => {
      const port = await freePort();
      const bench = await Bench.open(folder, { url: `redis://127.0.0.1:${port}` });
      let redis: Awaited<ReturnType<typeof startExternalRedis>> | undefined;
      try {
        bench.worker();
        const id = await bench.submit();
        await until('its dispatch', async () => (await bench.execution(id)).state === 'dispatched');
        assert.equal((await bench.service.get(id)).state, 'queued');
        redis = await startExternalRedis(folder, FIT, port);
        assert.equal((await bench.outcome(id)).state, 'succeeded');
      } finally {
        await bench.close();
        await redis?.stop();
      }
    }));
});

describe('an external Redis', () => {
  it('works like the private one', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, [...FIT, '--requirepass', 'hunter2']);
      try {
        const url = `redis://:hunter2@127.0.0.1:${redis.port}/3`;
        const bench = await Bench.open(folder, { url });
        try {
          await bench.queue.check();
          bench.worker();
          assert.equal((await bench.outcome(await bench.submit())).state, 'succeeded');
        } finally {
          await bench.close();
        }
      } finally {
        await redis.stop();
      }
    }));

  it('is at risk if Redis may drop jobs or lose them', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, [
        '--maxmemory',
        '100mb',
        '--maxmemory-policy',
        'allkeys-lru',
      ]);
      const queue = openQueue(redis.url);
      try {
        const risks = await until('the queue', () => queue.check().catch(() => undefined));
        assert.deepEqual(
          risks.map(({ code }) => code),
          ['QUEUE_EVICTS'],
        );
        assert.match(risks[0]!.detail, /maxmemory-policy is allkeys-lru and should be noeviction/);
        await queue.add([DISPATCH]);
      } finally {
        await queue.close();
        await redis.stop();
      }
    }));

  it('refuses jobs when it is full, instead of losing one', () =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, [...FIT, '--maxmemory', '1']);
      const queue = openQueue(redis.url);
      try {
        for (const call of [queue.add([DISPATCH]), queue.check()])
          await isUnavailable(call, /no memory left/, 'QUEUE_FULL');
        assert.deepEqual(await queue.missing([ID]), [ID], 'it still answers questions');
      } finally {
        await queue.close();
        await redis.stop();
      }
    }));
});

describe('assessServer', () => {
  it('interprets what a server reports about itself', () => {
    const fit = '# Server\r\nredis_version:8.0.2\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\n';
    assert.deepEqual(assessServer(fit), { risks: [] });
    assert.match(assessServer(fit.replace('8.0.2', '4.0.9')).fault!, /version 4\.0\.9.*5 or newer/);
    const risk = (info: string) => assessServer(info).risks.map(({ code }) => code);
    assert.deepEqual(risk(fit.replace('noeviction', 'volatile-ttl')), ['QUEUE_EVICTS']);
    // Managed services may omit such fields.
    assert.deepEqual(risk('redis_version:7.1.0\r\n'), []);
  });
});
