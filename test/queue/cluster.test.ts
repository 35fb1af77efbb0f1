import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { Bench, until, withFolder } from './harness.ts';
import { type ClusterDeployment, startCluster } from './redis-topologies.ts';

function withCluster(replicas: number, work: (bench: Bench, cluster: ClusterDeployment) => Promise<void>) {
  return withFolder(async (folder) => {
    const cluster = await startCluster(folder, { replicas, password: 'hunter2' });
    try {
      const bench = await Bench.open(folder, { url: cluster.url });
      try {
        await until('the queue', () =>
          bench.queue.check().then(
            () => true,
            () => undefined,
          ),
        );
        await work(bench, cluster);
      } finally {
        await bench.close();
      }
    } finally {
      await cluster.stop();
    }
  });
}

describe('a Redis Cluster', () => {
  it('holds the queue like one server, on one of its masters', () =>
    withCluster(0, async (bench, { servers, ask }) => {
      const waiting = [await bench.submit(), await bench.submit('transient')];
      assert.deepEqual(await bench.queue.counts(), { waiting: 2, active: 0, delayed: 0 });
      assert.equal((await bench.queue.state(waiting[0]!))?.state, 'queued');
      const sizes = await Promise.all(servers.map(({ port }) => ask(port, 'dbsize')));
      assert.equal(sizes.filter((size) => Number(size) > 0).length, 1, sizes.join());
      const worker = bench.worker();
      for (const id of waiting) assert.equal((await bench.outcome(id)).state, 'succeeded');
      await worker.close(10_000);
    }));

  it('is at risk when one of its masters may drop jobs', () =>
    withCluster(0, async (bench, { servers, ask }) => {
      for (const { port } of servers.slice(1))
        await ask(port, 'config', 'set', 'maxmemory-policy', 'allkeys-lru');
      const risks = await bench.queue.check();
      assert.deepEqual(
        risks.map(({ code }) => code),
        ['QUEUE_EVICTS'],
        'once, not for each master',
      );
    }));

  it('goes on with a replica when the master of the queue is killed', () =>
    withCluster(1, async (bench, { servers, ask }) => {
      bench.worker({ lockMs: 5_000 });
      const running = await bench.submit('wait');
      await bench.attemptStarted(running, 1);
      const waiting = [await bench.submit(), await bench.submit()];
      const sizes = await Promise.all(
        servers.map(async (server) => ({
          server,
          keys: Number(await ask(server.port, 'dbsize')),
          isMaster: (await ask(server.port, 'role')).startsWith('master'),
        })),
      );
      const holder = sizes.find(({ keys, isMaster }) => isMaster && keys > 0)!;
      await holder.server.stop('SIGKILL');
      const begun = performance.now();
      await assert.rejects(
        bench.submit(),
        (error: unknown) => error instanceof AppError && error.code === 'QUEUE_UNAVAILABLE',
      );
      assert.ok(performance.now() - begun < 5_000);
      await bench.release(running);
      const later = await until('the queue', () => bench.submit().catch(() => undefined));
      for (const id of [running, ...waiting, later]) {
        assert.equal((await bench.outcome(id)).state, 'succeeded', id);
        assert.equal((await bench.attempts(id)).length, 1, id);
      }
      await until('a fit cluster', () =>
        bench.queue.check().then(
          () => true,
          () => undefined,
        ),
      );
    }));
});
