import type { Cluster } from 'ioredis';

/**
 * Fixes how a cluster client ends.
 *
 * ioredis 6.0 sets the status `close` again for each node that disconnects after the first one, even if the client
 * has reached `end`. Later commands are then queued for a connection that never comes, and BullMQ, which mistakes it
 * for a client that has only lost its nodes, reconnects it while closing it. A worker that shuts down would wait for
 * either indefinitely.
 * @returns the client; clients that are duplicated from it, as BullMQ does to wait for jobs, are fixed too
 */
export function fixClusterEnd(client: Cluster): Cluster {
  let hasEnded = false;
  client.on('connecting', () => {
    hasEnded = false;
  });
  client.on('end', () => {
    hasEnded = true;
  });
  client.on('close', () => {
    if (hasEnded && client.status === 'close') client.status = 'end';
  });
  const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => Cluster;
  client.duplicate = ((...args: unknown[]) => fixClusterEnd(duplicate(...args))) as Cluster['duplicate'];
  return client;
}
