import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GOOD_ADAPTER } from '../e2e/bad-adapters.ts';
import { Client } from '../e2e/client.ts';
import { succeed } from '../e2e/run-job.ts';
import { startService } from '../e2e/service.ts';
import { startService as startRaw } from '../main/service-process.ts';
import { type ExternalRedis, FIT, freePort, startExternalRedis } from '../queue/external-redis.ts';

const PASSWORD = 'a-secret-of-the-test';
const READY_LIMIT_MS = 10_000;

const missing = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

/** A certificate for 127.0.0.1 that is its own authority. */
function makeCertificate(folder: string): { cert: string; key: string } {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=redis'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
  ]);
  assert.equal(status, 0, String(stderr));
  return { cert, key };
}

describe('a Redis behind TLS and a password', { skip: missing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-redis-tls-'));
  let redis: ExternalRedis;
  let url: string;
  let cert: string;

  before(async () => {
    const made = makeCertificate(scratch);
    cert = made.cert;
    const port = await freePort();
    url = `rediss://:${PASSWORD}@127.0.0.1:${port}`;
    redis = await startExternalRedis(scratch, [
      ...[...FIT, '--requirepass', PASSWORD, '--port', '0', '--tls-port', String(port)],
      ...['--tls-cert-file', cert, '--tls-key-file', made.key, '--tls-ca-cert-file', cert],
      ...['--tls-auth-clients', 'no'],
    ]);
  });
  after(async () => {
    await redis?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('is a queue like any other when NODE_EXTRA_CA_CERTS names its authority', async () => {
    const service = await startService({
      dataDir: join(scratch, 'trusted'),
      env: { REDIS_URL: url, NODE_EXTRA_CA_CERTS: cert, EXECUTION_PROVIDER: 'cpu' },
    });
    try {
      const client = new Client(service.url);
      const { id } = (await (await client.postAdapter(GOOD_ADAPTER)).json()) as { id: string };
      await succeed(client, { kind: 'squeeze', adapter_id: id, targets: [{ rank: 2 }] });
      assert.doesNotMatch(service.log(), new RegExp(PASSWORD));
    } finally {
      await service.stop();
    }
  });

  it('is refused while nobody vouches for its certificate, and the password is not told', async () => {
    const service = await startRaw({ REDIS_URL: url, DATA_DIR: join(scratch, 'distrusted') });
    try {
      let response = await fetch(`${service.url}/readyz`);
      for (const end = Date.now() + READY_LIMIT_MS; response.ok && Date.now() < end; ) {
        await sleep(100);
        response = await fetch(`${service.url}/readyz`);
      }
      assert.equal(response.status, 503);
      const text = await response.text();
      assert.match(text, /QUEUE_UNAVAILABLE/);
      assert.doesNotMatch(text + service.output(), new RegExp(PASSWORD));
    } finally {
      assert.equal(await service.end(), 0);
    }
  });
});
