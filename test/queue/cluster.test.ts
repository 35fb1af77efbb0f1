import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Bench, until } from './harness.ts';
import { type ClusterDeployment, startCluster } from './redis-topologies.ts';

const isFit = (bench: Bench) =>
  until('a fit queue', () =>
    bench.queue.check().then(
      (risks) => risks.length === 0,
      () => undefined,
    ),
  );

describe('a Redis Cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ls-cluster-'));
  let cluster: ClusterDeployment;
  let bench: Bench;
  before(async () => {
    cluster = await startCluster(folder, { replicas: 1, password: 'hunter2' });
    bench = await Bench.open(folder, { url: cluster.url });
    await isFit(bench);
  });
  after(async () => {
    await bench?.close();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The masters, with their numbers of keys. */
  async function masters() {
    const all = await Promise.all(
      cluster.servers.map(async (server) => ({
        server,
        keys: Number(await cluster.ask(server.port, 'dbsize')),
        isMaster: (await cluster.ask(server.port, 'role')).startsWith('master'),
      })),
    );
    return all.filter(({ isMaster }) => isMaster);
  }

  it('holds the queue like a single server, on one of its masters', async () => {
    const worker = bench.worker();
    const running = await bench.submit('wait');
    await bench.attemptStarted(running, 1);
    const waiting = [await bench.submit(), await bench.submit('transient')];
    await bench.dispatched(waiting[0]!);
    assert.equal((await masters()).filter(({ keys }) => keys > 0).length, 1);
    await bench.release(running);
    for (const id of [running, ...waiting]) assert.equal((await bench.outcome(id)).state, 'succeeded');
    await worker.close(10_000);
  });

  it('is at risk if one of its masters may drop jobs', async () => {
    const risky = (await masters()).slice(1).map(({ server }) => server.port);
    const set = (policy: string) =>
      Promise.all(risky.map((port) => cluster.ask(port, 'config', 'set', 'maxmemory-policy', policy)));
    await set('allkeys-lru');
    const risks = await bench.queue.check();
    assert.deepEqual(
      risks.map(({ code }) => code),
      ['QUEUE_EVICTS'],
      'once, not for each master',
    );
    await set('noeviction');
  });

  it('continues with a replica when the master of the queue is killed', async () => {
    bench.worker({ lockMs: 5_000 });
    const running = await bench.submit('wait');
    await bench.attemptStarted(running, 1);
    const waiting = [await bench.submit(), await bench.submit()];
    const holder = (await masters()).find(({ keys }) => keys > 0)!;
    await holder.server.stop('SIGKILL');
    const later = await bench.submit();
    await bench.release(running);
    for (const id of [running, ...waiting, later]) {
      assert.equal((await bench.outcome(id)).state, 'succeeded', id);
      assert.equal((await bench.attempts(id)).length, 1, id);
    }
    await isFit(bench);
  });
});
