import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import { retryingConnection } from '../../src/queue/redis-connection.ts';
import { until, withFolder } from './harness.ts';
import { startCluster } from './redis-topologies.ts';

const NODES = 3;
/**
 * Once for each node that may disconnect before the end of the first one is reported, and once for each after
 * it.
 */
const ROUNDS = 10;

/** It has a connection to each node, so that they close one after another. */
async function open(client: Cluster): Promise<Cluster> {
  client.on('error', () => undefined);
  await until('its nodes', () => (client.status === 'ready' && client.nodes().length === NODES) || undefined);
  await Promise.all(client.nodes().map((node) => node.ping()));
  return client;
}

/** The client has emitted its last event, and answers commands at once instead of queueing them. */
async function hasEnded(client: Cluster): Promise<void> {
  await until('the end', () => client.status === 'end' || undefined, 5_000);
  await sleep(20);
  assert.equal(client.status, 'end');
  await assert.rejects(client.get('key'), /Connection is closed/);
}

it('a cluster client that is closed, and its duplicate, end and stay ended', () =>
  withFolder(async (folder) => {
    const cluster = await startCluster(folder);
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const patient = retryingConnection({ url: cluster.url });
        const client = patient.connection as Cluster;
        const duplicate = await open(client.duplicate());
        await open(client);
        patient.close();
        duplicate.disconnect();
        await hasEnded(client);
        await hasEnded(duplicate);
      }
    } finally {
      await cluster.stop();
    }
  }));

it('a duplicate of a closed cluster client does not continue to look for its nodes', () =>
  withFolder(async (folder) => {
    const cluster = await startCluster(folder);
    const patient = retryingConnection({ url: cluster.url });
    let duplicate: Cluster;
    try {
      duplicate = await open((patient.connection as Cluster).duplicate());
    } finally {
      await cluster.stop();
    }
    await until('a retry', () => duplicate.status === 'reconnecting' || undefined);
    patient.close();
    await until('the end', () => duplicate.status === 'end' || undefined, 10_000);
  }));
