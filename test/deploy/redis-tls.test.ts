import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GOOD_ADAPTER } from '../e2e/bad-adapters.ts';
import { Client } from '../e2e/client.ts';
import { succeed } from '../e2e/run-job.ts';
import { startService } from '../e2e/service.ts';
import { freePort } from '../free-port.ts';
import { startService as startRaw } from '../main/service-process.ts';
import { type Certificate, makeCertificate, opensslIsMissing, tlsOptions } from '../queue/certificate.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';

const PASSWORD = 'a-secret-of-the-test';

describe('a Redis behind TLS and a password', { skip: opensslIsMissing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-redis-tls-'));
  let redis: ExternalRedis;
  let url: string;
  let certificate: Certificate;

  before(async () => {
    certificate = makeCertificate(scratch);
    const port = await freePort();
    url = `rediss://:${PASSWORD}@127.0.0.1:${port}`;
    redis = await startExternalRedis(scratch, [
      ...[...FIT, '--requirepass', PASSWORD, ...tlsOptions(certificate, port)],
    ]);
  });
  after(async () => {
    await redis?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('works like any other queue if NODE_EXTRA_CA_CERTS names its authority', async () => {
    const service = await startService({
      dataDir: join(scratch, 'trusted'),
      env: { REDIS_URL: url, NODE_EXTRA_CA_CERTS: certificate.cert, EXECUTION_PROVIDER: 'cpu' },
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

  it('is refused while no authority vouches for its certificate, and never gets the password', async () => {
    const service = await startRaw({ REDIS_URL: url, DATA_DIR: join(scratch, 'distrusted') });
    try {
      const text = await (await fetch(`${service.url}/readyz`)).text();
      assert.match(text, /"degraded".*QUEUE_UNAVAILABLE/);
      assert.doesNotMatch(text + service.output(), new RegExp(PASSWORD));
    } finally {
      assert.equal(await service.end(), 0, service.output());
    }
  });
});
