import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { JobRecord } from '../../src/contract/job.ts';
import { Member } from '../chaos/member.ts';
import { PatientClient } from '../chaos/patient-client.ts';
import { distinctRequests, resultDigests, uploadAdapters } from '../chaos/requests.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../database/postgres-server.ts';
import { COMMAND_ENTRY } from '../entry.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';

const JOBS = 12;

/** docs/runbooks/tasks.md, "Disaster recovery": the database, the storage and the queue are gone, and there is a backup. */
describe('recovery from a disaster', { skip: noPostgres }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-drill-'));
  const backup = join(folder, 'backup');
  const running = new Set<Member>();
  let postgres: PostgresServer;
  let redis: ExternalRedis;
  before(async () => {
    postgres = await startPostgres(join(folder, 'postgres'));
    redis = await startExternalRedis(folder, FIT);
  });
  after(async () => {
    for (const member of running) await member.stop();
    await redis?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Settings of a service with its own database and storage. */
  const place = async (name: string) => ({
    AUTH: 'open',
    REDIS_URL: redis.url,
    DATABASE_URL: await postgres.newDatabase(),
    STORAGE_URL: `file:${join(folder, name)}`,
  });
  type Place = Awaited<ReturnType<typeof place>>;

  async function serve(env: Place): Promise<{ client: PatientClient; worker: Member }> {
    const start = (role: 'api' | 'worker') =>
      Member.start({ role, entry: 'source', env: { ...env, DATA_DIR: join(folder, role) } });
    const members = await Promise.all([start('api'), start('worker')]);
    for (const member of members) running.add(member);
    await Promise.all(members.map((member) => member.ready()));
    return { client: new PatientClient(members[0]!.url), worker: members[1]! };
  }

  const admin = (env: Place, ...words: string[]) =>
    promisify(execFile)(process.execPath, [...COMMAND_ENTRY, 'admin', ...words], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    });

  it('restores completed work, does the unfinished work, and reports how long it took', async (t) => {
    const lost = await place('lost');
    const { client, worker } = await serve(lost);
    const requests = distinctRequests(await uploadAdapters(client), JOBS + 2);
    const post = async (request: unknown) => ((await (await client.postJob(request)).json()) as JobRecord).id;
    const done: string[] = [];
    for (const request of requests.slice(0, JOBS)) done.push(await post(request));
    const digests: string[][] = [];
    for (const id of done) digests.push(await resultDigests(client, await client.finished(id)));
    // Its place in the queue is still reserved, so that new work is dispatched but does not begin.
    await worker.killWithChildren();
    running.delete(worker);
    const late = await Promise.all(requests.slice(JOBS).map(post));
    await admin(lost, 'backup', backup);
    for (const id of late) assert.equal((await client.json<JobRecord>(`/v1/jobs/${id}`)).state, 'queued', id);

    for (const member of running) await member.killWithChildren();
    running.clear();
    await redis.stop('SIGKILL');
    rmSync(join(folder, 'lost'), { recursive: true });
    const sinceMs = performance.now();
    const seconds = () => ((performance.now() - sinceMs) / 1000).toFixed(1);

    redis = await startExternalRedis(folder, FIT);
    const found = await place('found');
    await admin(found, 'restore', backup);
    t.diagnostic(`restored after ${seconds()} s`);
    const { client: again } = await serve(found);
    t.diagnostic(`ready after ${seconds()} s`);
    for (const id of late) assert.equal((await again.finished(id)).state, 'succeeded', id);
    t.diagnostic(`all that was queued is done after ${seconds()} s`);
    for (const [i, id] of done.entries())
      assert.deepEqual(await resultDigests(again, await again.finished(id)), digests[i], id);
    await admin(found, 'verify');
  });
});
