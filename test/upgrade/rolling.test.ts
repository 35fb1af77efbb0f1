import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { Member } from '../chaos/member.ts';
import { PatientClient } from '../chaos/patient-client.ts';
import { distinctRequests, uploadAdapters } from '../chaos/requests.ts';
import { type Accepted, postJob, retryUntilAccepted } from '../chaos/submitter.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../database/postgres-server.ts';
import { packageVersion } from '../e2e/fixtures.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until } from '../queue/harness.ts';
import { buildNextVersion, NEXT_MIGRATION, NEXT_VERSION } from './next-version.ts';

/** More than can be sent during the test. */
const MAX_JOBS = 2_000;
/** Jobs that wait or run at a time: enough for both workers. */
const IN_FLIGHT = 3;
/** Jobs that are submitted at once, so that a worker is busy when it is stopped. */
const BURST = 24;
/** Only prevents hanging. */
const LIMIT_MS = 600_000;

describe('an upgrade, process by process, on PostgreSQL under load', { skip: noPostgres }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-upgrade-'));
  const members: Member[] = [];
  let postgres: PostgresServer;
  let redis: ExternalRedis;
  let env: Record<string, string>;
  let next: string;
  before(async () => {
    next = buildNextVersion(join(folder, 'next'));
    postgres = await startPostgres(join(folder, 'postgres'));
    redis = await startExternalRedis(folder, FIT);
    env = {
      AUTH: 'open',
      REDIS_URL: redis.url,
      DATABASE_URL: await postgres.newDatabase(),
      STORAGE_URL: `file:${join(folder, 'storage')}`,
    };
  });
  after(async () => {
    for (const member of members) await member.stop();
    await redis?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(role: 'api' | 'worker', app?: string): Promise<Member> {
    const own = { ...env, DATA_DIR: join(folder, `${role}-${members.length}`) };
    const member = await Member.start({ role, entry: 'source', env: own, ...(app && { app }) });
    members.push(member);
    return member;
  }

  it('loses no job and does none twice while both versions run', async (t) => {
    const oldApi = await start('api');
    const oldWorker = await start('worker');
    await Promise.all([oldApi.ready(), oldWorker.ready()]);

    // Clients that use all APIs in turn.
    let apis = [oldApi];
    let isOver = false;
    let sends = 0;
    const client = () => new PatientClient(apis.at(-1)!.url);
    const requests = distinctRequests(await uploadAdapters(client()), MAX_JOBS + BURST);
    const accepted: Accepted[] = [];
    const deadline = Date.now() + LIMIT_MS;
    const ended = (id: string) =>
      until(
        `the end of ${id}`,
        async () => {
          const job = await client().json<JobRecord>(`/v1/jobs/${id}`, { prefer: 'wait=5' });
          return ['queued', 'active'].includes(job.state) ? undefined : job;
        },
        LIMIT_MS,
      );
    const load = (async () => {
      for (let i = 0; !isOver && i < MAX_JOBS; i++) {
        // Each time through another API: what one version has answered the other one answers as well.
        const send = () => postJob(apis[sends++ % apis.length]!.url, `job-${i}`, requests[i]);
        accepted.push(await retryUntilAccepted(`job-${i}`, send, deadline));
        if (i >= IN_FLIGHT) await ended(accepted[i - IN_FLIGHT]!.jobId);
      }
    })();
    const versionOf = async (id: string) => (await client().report(id)).product.version;
    /** Waits until each of these has done a job that was accepted from now on. */
    const doneBy = async (versions: readonly string[]) => {
      const begin = accepted.length;
      const seen = new Set<string>();
      const looked = new Set<string>();
      await until(`jobs of ${versions}`, async () => {
        for (const { jobId } of accepted.slice(begin).filter((one) => !looked.has(one.jobId))) {
          if ((await client().json<JobRecord>(`/v1/jobs/${jobId}`)).state !== 'succeeded') continue;
          looked.add(jobId);
          seen.add(await versionOf(jobId));
        }
        return versions.every((version) => seen.has(version)) || undefined;
      });
    };
    await doneBy([packageVersion]);

    // Workers first: the first process of the new version migrates the tables.
    const newWorker = await start('worker', next);
    await newWorker.ready();
    await doneBy([packageVersion, NEXT_VERSION]);
    const burst = requests.slice(MAX_JOBS).map((request, i) => {
      const key = `burst-${i}`;
      return retryUntilAccepted(key, () => postJob(oldApi.url, key, request), deadline);
    });
    accepted.push(...(await Promise.all(burst)));
    assert.equal(await oldWorker.stop(), 0, oldWorker.log());
    const newApi = await start('api', next);
    await newApi.ready();
    apis = [oldApi, newApi];
    await doneBy([NEXT_VERSION]);
    apis = [newApi];
    assert.equal(await oldApi.stop(), 0, oldApi.log());
    await doneBy([NEXT_VERSION]);
    isOver = true;
    await load;

    for (const { jobId } of accepted) {
      const job = await ended(jobId);
      assert.deepEqual([job.state, job.attempts], ['succeeded', 1], JSON.stringify(job.error));
    }
    assert.equal(new Set(accepted.map(({ jobId }) => jobId)).size, accepted.length);
    t.diagnostic(`${accepted.length} jobs, none lost`);
  });

  it('cannot be reverted: the version before does not start on the new tables, and gives the reason', async () => {
    const late = await start('worker');
    await until('its end', () => !late.isRunning || undefined);
    assert.equal(await late.stop(), 1);
    assert.match(late.log(), new RegExp(`newer version of this program.*${NEXT_MIGRATION}`));
  });
});
