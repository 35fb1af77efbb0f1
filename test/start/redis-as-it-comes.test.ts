import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Readiness } from '../../src/contract/readiness.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { freePort } from '../free-port.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { makeCertificate, opensslIsMissing, tlsOptions } from '../queue/certificate.ts';
import { FIT, PROGRAMS, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';

/** Every client tries to reconnect within a second. */
const RECONNECTS_MS = 2_000;
const [FIRST, SECOND] = ['the-first-password', 'the-second-password'];

const readiness = async ({ url }: ServiceProcess): Promise<Readiness> =>
  (await (await fetch(`${url}/readyz`)).json()) as Readiness;

async function canSqueeze({ url }: ServiceProcess): Promise<void> {
  const client = new Client(url);
  const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
  const job = await client.squeeze(adapter.id, [{ rank: 1 }]);
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
}

describe('Redis as operators run it', { skip: opensslIsMissing }, () => {
  for (const program of PROGRAMS)
    it(`${program} without an append-only file, which requires certificates and changes them and its password`, () =>
      withFolder(async (folder) => {
        const certificate = makeCertificate(folder);
        const port = await freePort();
        const tls = tlsOptions(certificate, port).map((option) => (option === 'no' ? 'yes' : option));
        const options = [...FIT, '--appendonly', 'no', '--requirepass', FIRST!, ...tls];
        const redis = await startExternalRedis(folder, options, port, {}, [program]);
        const passwordFile = join(folder, 'password');
        writeFileSync(passwordFile, `${FIRST}\n`);
        const shared = { REDIS_URL: `rediss://127.0.0.1:${port}`, REDIS_PASSWORD_FILE: passwordFile };
        const own = { REDIS_TLS_CERT_FILE: certificate.cert, REDIS_TLS_KEY_FILE: certificate.key };
        const trusted = { REDIS_TLS_CA_FILE: certificate.cert };
        const env = { DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'info', ...shared, ...trusted, ...own };
        const service = await startService(env);
        const { cert, key } = Object.fromEntries(
          Object.entries(certificate).map(([name, path]) => [name, readFileSync(path)]),
        ) as { cert: Buffer; key: Buffer };
        const admin = new Redis({ port, password: FIRST!, tls: { ca: cert, cert, key } });
        try {
          assert.equal((await readiness(service)).status, 'ready');
          await canSqueeze(service);

          mkdirSync(join(folder, 'next'));
          const next = makeCertificate(join(folder, 'next'));
          await admin.config('SET', 'requirepass', SECOND!);
          const files = ['tls-cert-file', next.cert, 'tls-key-file', next.key, 'tls-ca-cert-file', next.cert];
          await admin.call('CONFIG', 'SET', ...files);
          // A client that connects meanwhile would read half a file.
          writeFileSync(certificate.cert, readFileSync(next.cert).subarray(0, 300));
          await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
          await until('the loss of Redis', async () =>
            (await readiness(service)).reasons.some(({ part }) => part === 'queue') ? true : undefined,
          );
          await sleep(RECONNECTS_MS);
          writeFileSync(passwordFile, `${SECOND}\n`);
          copyFileSync(next.cert, certificate.cert);
          copyFileSync(next.key, certificate.key);
          await until('Redis again', async () =>
            (await readiness(service)).status === 'ready' ? true : undefined,
          );
          await canSqueeze(service);
          assert.doesNotMatch(service.output(), new RegExp(`${FIRST}|${SECOND}`));

          const without = await startService({ ...shared, ...trusted, DATA_DIR: join(folder, 'without') });
          const { reasons } = await readiness(without);
          assert.deepEqual(
            reasons.map(({ code }) => code),
            ['QUEUE_UNAVAILABLE'],
          );
          assert.equal(await without.end(), 0, without.output());
        } finally {
          admin.disconnect();
          assert.equal(await service.end(), 0, service.output());
          await redis.stop();
        }
      }));
});
