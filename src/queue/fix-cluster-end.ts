import type { Cluster } from 'ioredis';

/**
 * Fixes how a cluster client ends.
 *
 * ioredis 6.0 sets the status `close` once more for each node that goes after the first one, also when it has come to
 * `end`. What is then asked of it is kept for a connection that never comes; and BullMQ takes it for a client that has
 * only lost its nodes, and connects it anew while it closes it. A worker that shuts down would wait for either for ever.
 * @returns the client; what is duplicated from it, as BullMQ does to wait for jobs, is fixed too
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
