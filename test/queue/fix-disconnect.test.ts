import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failFastClient } from '../../src/queue/redis-connection.ts';
import { freePort } from '../free-port.ts';
import { makeCertificate, opensslIsMissing, tlsOptions } from './certificate.ts';
import { FIT, startExternalRedis } from './external-redis.ts';
import { withFolder } from './harness.ts';

/**
 * Most connections that are given up during the handshake receive the TLS alert that used to end the process.
 */
const CLIENTS = 100;
const HANDSHAKE_MS = 20;

const title = 'a connection given up amid a handshake with a server that is distrusted ends nothing else';
it(title, { skip: opensslIsMissing }, () =>
  withFolder(async (folder) => {
    const port = await freePort();
    const redis = await startExternalRedis(folder, [...FIT, ...tlsOptions(makeCertificate(folder), port)]);
    const errors: string[] = [];
    try {
      for (let i = 0; i < CLIENTS; i++) {
        const client = failFastClient({ url: `rediss://127.0.0.1:${port}` });
        client.on('error', ({ message }: Error) => errors.push(message));
        await sleep((i / CLIENTS) * HANDSHAKE_MS);
        client.disconnect();
      }
      // An uncaught error until here fails the test.
      await sleep(500);
    } finally {
      await redis.stop();
    }
    assert.ok(errors.length > 0, 'no handshake came as far as the certificate');
  }),
);
