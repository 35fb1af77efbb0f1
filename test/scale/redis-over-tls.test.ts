import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { type Certificate, makeCertificate, opensslIsMissing } from '../queue/certificate.ts';
import { until } from '../queue/harness.ts';
import { startCluster, startSentinels } from '../queue/redis-topologies.ts';
import { type Member, startMember } from './deployment.ts';

const PASSWORDS = { password: 'secret-of-redis', sentinelPassword: 'secret-of-sentinels' };
const HERE = { address: '127.0.0.1', command: [] };
const JOBS = 6;

describe('the service on several Redis servers, with passwords and TLS', { skip: opensslIsMissing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-redis-'));
  const running: Member[] = [];
  let certificate: Certificate;
  before(() => {
    certificate = makeCertificate(scratch);
  });
  after(async () => {
    for (const member of running) await member.die();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function start(name: string, url: string): Promise<Member> {
    const env = {
      REDIS_URL: url,
      STORAGE_URL: `file:${join(scratch, name, 'storage')}`,
      NODE_EXTRA_CA_CERTS: certificate.cert,
    };
    const member = await startMember('all', HERE, scratch, env);
    running.push(member);
    return member;
  }

  const upload = async ({ client }: Member): Promise<string> =>
    (await client.upload(fixtureAdapters()[0]!.dir)).adapter.id;

  const post = ({ client }: Member, adapter: string): Promise<Response> =>
    client.postJob({ kind: 'squeeze', adapter_id: adapter, targets: [{ rank: 2 }], reuse: false });

  const accepted = async (response: Response): Promise<string> => {
    const text = await response.text();
    assert.equal(response.status, 202, text);
    return (JSON.parse(text) as JobRecord).id;
  };

  async function stopped(member: Member): Promise<void> {
    running.splice(running.indexOf(member), 1);
    assert.equal(await member.stop(), 0, member.log());
    assert.doesNotMatch(member.log(), /secret-of/);
  }

  it('runs jobs on a Cluster of three masters', async () => {
    const cluster = await startCluster(join(scratch, 'cluster'), { ...PASSWORDS, certificate });
    try {
      const service = await start('cluster', cluster.url);
      const adapter = await upload(service);
      const ids = await Promise.all(
        Array.from({ length: JOBS }, () => post(service, adapter).then(accepted)),
      );
      for (const id of ids) {
        const job = await service.client.finished(id);
        assert.deepEqual([job.state, job.attempts], ['succeeded', 1], JSON.stringify(job.error));
      }
      await stopped(service);
    } finally {
      await cluster.stop();
    }
  });

  it('continues behind Sentinel when the master is killed: every accepted job ends exactly once', async () => {
    const deployment = await startSentinels(join(scratch, 'sentinel'), { ...PASSWORDS, certificate });
    try {
      const service = await start('sentinel', deployment.url);
      const adapter = await upload(service);
      const ids = await Promise.all(
        Array.from({ length: JOBS }, () => post(service, adapter).then(accepted)),
      );
      process.kill(deployment.master.pid, 'SIGKILL');
      // Even while there is no master.
      ids.push(await accepted(await post(service, adapter)));
      await deployment.failedOver();
      for (let i = 1; i < JOBS; i++) ids.push(await accepted(await post(service, adapter)));
      for (const id of ids) {
        const job = await service.client.finished(id);
        assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
      }
      // A job whose end only the old master knew is checked again, but not done or counted again.
      await service.client.finished(await accepted(await post(service, adapter)));
      await until('the count of the last job', async () => (await service.endedJobs()) > ids.length);
      assert.equal(await service.endedJobs(), ids.length + 1);
      await stopped(service);
    } finally {
      await deployment.stop();
    }
  });
});
