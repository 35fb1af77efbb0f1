import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VerificationResult } from '../../src/backup/verify.ts';
import type { VerifyProblem } from '../../src/backup/wrong-rows.ts';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { POOL } from '../database/dialects.ts';
import { noPostgres, testDatabase } from '../database/postgres-server.ts';
import { Client } from '../e2e/client.ts';
import { startService } from '../e2e/service.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import { BUCKET, motoIsMissing, startMoto } from '../storage/s3-servers.ts';
import { documents, type Ended, run, runCalls } from './command.ts';

type Env = Readonly<Record<string, string>>;

/** Files in the storage. */
const LARGE = { rank: 8, m: 512, n: 512 };
const LIMIT_MS = 60_000;

const done = ({ code, stdout, stderr }: Omit<Ended, 'signal'>): string => {
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
};

describe('lora-squeeze admin', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-admin-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('migrate creates the tables and reports which; the other commands create nothing', async () => {
    const env = { DATA_DIR: join(scratch, 'new') };
    const calls = ['verify', 'backup out', 'migrate', 'migrate', 'verify'];
    const args = calls.map((call) => ({ args: ['admin', ...call.split(' ')] }));
    const [unverified, unsaved, first, second, verified] = await runCalls(args, { env });
    for (const refused of [unverified!, unsaved!]) {
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^lora-squeeze: DATABASE_MISSING: There is no lora-squeeze\.db in /);
    }
    const [created] = documents<{ migrated: string[]; applied: string[] }>(done(first!));
    assert.ok(created!.migrated.length > 0);
    assert.deepEqual(documents(done(second!)), [{ migrated: [], applied: created!.migrated }]);
    assert.deepEqual(documents(done(verified!)), [{ contents: 0, bytes: 0, problems: 0, unknown: 0 }]);
  });

  it('reports what is wrong, and exits with 1', async () => {
    const env = { DATA_DIR: join(scratch, 'wrong') };
    done(await run(['admin', 'migrate'], { env }));
    const database = await openDatabase({ url: undefined, dataDir: env.DATA_DIR, ...POOL });
    const usage = { tenant: 'default', adapters: 1, bytes: 0, jobs: 0 };
    await database.write((writer) => writer.insertInto('usage').values(usage).execute());
    await database.close();
    const calls = [['verify'], ['restore', scratch], ['restore', join(scratch, 'nowhere')]];
    const ended = await runCalls(
      calls.map((args) => ({ args: ['admin', ...args] })),
      { env },
    );
    assert.deepEqual(
      ended.map(({ code }) => code),
      [1, 1, 1],
    );
    const [problem, sums] = documents<VerifyProblem & VerificationResult>(ended[0]!.stdout);
    assert.deepEqual([problem!.problem, problem!.id, sums!.problems], ['USAGE_WRONG', 'default', 1]);
    for (const { stderr } of ended.slice(1)) assert.match(stderr, /^lora-squeeze: BACKUP_INCOMPLETE: /);
  });

  it('saves a running service on SQLite and a folder, which then works elsewhere', () =>
    movesElsewhere('sqlite', {}, {}));

  it('saves a running service on PostgreSQL and a bucket, which then works elsewhere', {
    skip: noPostgres || (motoIsMissing() ?? false),
  }, async () => {
    const moto = await startMoto();
    const envOf = async (prefix: string) => ({
      ...moto.env,
      // The SDK warns that Node 20 is old.
      NODE_NO_WARNINGS: '1',
      S3_FORCE_PATH_STYLE: 'true',
      STORAGE_URL: `s3://${BUCKET}/${prefix}`,
      DATABASE_URL: await testDatabase(),
    });
    try {
      await movesElsewhere('postgresql', await envOf('here'), await envOf('there'));
    } finally {
      await moto.stop();
    }
  });

  /** Makes a backup under load, restores it elsewhere, and starts a service there. */
  async function movesElsewhere(name: string, here: Env, there: Env): Promise<void> {
    const [dataDir, newDir, folder] = ['here', 'there', 'backup'].map((part) =>
      join(scratch, `${name}-${part}`),
    );
    const env = { ...here, DATA_DIR: dataDir! };
    const service = await startService({ dataDir: dataDir!, env: { ...SETTINGS, ...here } });
    const client = new Client(service.url);
    const database = await openDatabase({ url: here.DATABASE_URL, dataDir: dataDir!, ...POOL });
    const ended: JobOutcome[] = [];
    try {
      for (let seed = 1; seed <= 6; seed++) ended.push(await outcomeOf(client, await squeezed(client, seed)));
      const load = underLoad(client);
      await endedBackup(database, `${folder}-ended`, env);
      await killedBackup(database, `${folder}-killed`, env);
      const backup = await stoppedBackup(folder!, env);
      // Deleted now: it existed when the backup began, and the backup has not copied it yet.
      const gone = await deleteSome(client, database, ended);
      await sleep(2 * SWEEP_MS);
      for (const id of gone) assert.ok(await isStored(database, id), 'it was deleted under a backup');
      backup.resume();
      done(await backup.ended);
      for (const id of gone) await isSwept(database, id);
      await load.stop();
      const [sums, ...others] = documents<VerificationResult>(done(await run(['admin', 'verify'], { env })));
      assert.deepEqual([sums!.problems, sums!.unknown, others.length], [0, 0, 0]);
    } finally {
      await database.close();
      await service.stop();
    }

    const target = { ...there, DATA_DIR: newDir! };
    const refused = await run(['admin', 'restore', `${folder}-killed`], { env: target });
    assert.match(refused.stderr, /^lora-squeeze: BACKUP_INCOMPLETE: /);
    const [sums] = documents<VerificationResult>(
      done(await run(['admin', 'restore', folder!], { env: target })),
    );
    assert.deepEqual([sums!.problems, sums!.unknown], [0, 0]);
    const restored = await startService({ dataDir: newDir!, env: { ...SETTINGS, ...there } });
    try {
      const again = new Client(restored.url);
      for (const { job, files } of ended) assert.deepEqual(await outcomeOf(again, job), { job, files });
      // Jobs that had not ended are done here.
      const { data } = await again.json<{ data: JobRecord[] }>('/v1/jobs?limit=100');
      assert.ok(data.length > ended.length);
      for (const { id } of data) assert.equal((await again.finished(id)).state, 'succeeded');
      await outcomeOf(again, await squeezed(again, 99));
      done(await run(['admin', 'verify'], { env: target }));
    } finally {
      await restored.stop();
    }
  }
});

const SWEEP_MS = 1_000;
const SETTINGS: Env = { EXECUTION_PROVIDER: 'cpu', SWEEP_INTERVAL_SECONDS: String(SWEEP_MS / 1000) };

/** A job that has ended, and the digests of its results, read completely. */
interface JobOutcome {
  readonly job: JobRecord;
  readonly files: readonly (readonly [path: string, sha256: string])[];
}

async function outcomeOf(client: Client, { id }: Pick<JobRecord, 'id'>): Promise<JobOutcome> {
  const job = await client.json<JobRecord>(`/v1/jobs/${id}`);
  const files: [string, string][] = [];
  for (const { adapter_id } of succeededResults(job)) {
    const adapter = await client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`);
    for (const { name, sha256 } of adapter.files) {
      const path = `/v1/adapters/${adapter_id}/files/${name}`;
      assert.equal(hash('sha256', await client.bytes(path)), sha256);
      files.push([path, sha256]);
    }
  }
  assert.ok(files.length > 0);
  await client.report(id);
  return { job, files };
}

async function uploaded(client: Client, seed: number): Promise<AdapterRecord> {
  const response = await client.postAdapter(tinyAdapter(seed, LARGE));
  assert.ok(response.ok, await response.clone().text());
  return (await response.json()) as AdapterRecord;
}

const squeezed = async (client: Client, seed: number): Promise<JobRecord> =>
  client.squeeze((await uploaded(client, seed)).id, [{ rank: 4 }]);

/** Uploads, jobs and deletions without waiting for them, until it is stopped. */
function underLoad(client: Client): { stop(): Promise<void> } {
  let isOver = false;
  const loop = async (): Promise<void> => {
    for (let seed = 1_000; !isOver; seed += 2) {
      const [kept, deleted] = [await uploaded(client, seed), await uploaded(client, seed + 1)];
      const request = { kind: 'squeeze', adapter_id: kept.id, targets: [{ rank: 2 }], reuse: false };
      assert.equal((await client.postJob(request)).status, 202);
      assert.equal((await client.fetch(`/v1/adapters/${deleted.id}`, { method: 'DELETE' })).status, 204);
      await sleep(50);
    }
  };
  const running = loop();
  // An earlier error has ended the service and must be reported.
  running.catch(() => undefined);
  return {
    stop: () => {
      isOver = true;
      return running;
    },
  };
}

/** A backup that is stopped after it has seen the database and before it has saved everything. */
async function stoppedBackup(
  folder: string,
  env: Env,
): Promise<{ child: ChildProcess; resume(): void; ended: Promise<Ended> }> {
  let child: ChildProcess | undefined;
  const ended = run(['admin', 'backup', folder], {
    env,
    onStart: (started) => {
      child = started;
    },
  });
  for (
    const deadline = Date.now() + LIMIT_MS;
    !existsSync(join(folder, 'database/tenant.jsonl'));
    await sleep(1)
  )
    assert.ok(Date.now() < deadline && child!.exitCode === null, 'the backup did not begin');
  child!.kill('SIGSTOP');
  assert.ok(!existsSync(join(folder, 'manifest.json')), 'the backup was faster');
  return { child: child!, resume: () => void child!.kill('SIGCONT'), ended };
}

/** It leaves nothing. */
async function endedBackup(database: Database, folder: string, env: Env): Promise<void> {
  const { child, ended } = await stoppedBackup(folder, env);
  child.kill('SIGTERM');
  child.kill('SIGCONT');
  const { code, stderr } = await ended;
  assert.deepEqual([code, stderr], [143, 'lora-squeeze: stopped by SIGTERM; nothing incomplete is left\n']);
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(await holds(database), []);
}

/** It leaves a hold that expires in ten minutes, for which the test does not wait. */
async function killedBackup(database: Database, folder: string, env: Env): Promise<void> {
  const { child, ended } = await stoppedBackup(folder, env);
  child.kill('SIGKILL');
  assert.equal((await ended).signal, 'SIGKILL');
  assert.ok(readdirSync(folder).length > 0);
  const [hold, ...others] = await holds(database);
  assert.equal(others.length, 0);
  const leftMs = hold!.expires_at - hold!.now;
  assert.ok(leftMs > 0 && leftMs <= 600_000, `${leftMs}`);
  await database.write((writer) => writer.updateTable('hold').set({ expires_at: 0 }).execute());
}

const holds = (database: Database) =>
  database.reader
    .selectFrom('hold')
    .select(['expires_at', database.now.as('now')])
    .where('owner', '<>', '')
    .execute();

/** Deletes results, dated long ago for the sweeper. @returns ids of their content in the storage */
async function deleteSome(
  client: Client,
  database: Database,
  jobs: readonly JobOutcome[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const { job } of jobs.slice(0, 3)) {
    const { adapter_id } = succeededResults(job)[0]!;
    const files = await database.reader
      .selectFrom('adapter_file')
      .innerJoin('content', 'content.id', 'adapter_file.content')
      .select('content.id')
      .where('adapter', '=', adapter_id)
      .where('inline', 'is', null)
      .execute();
    ids.push(...files.map(({ id }) => id));
    assert.equal((await client.fetch(`/v1/adapters/${adapter_id}`, { method: 'DELETE' })).status, 204);
  }
  assert.ok(ids.length > 0);
  const [{ numUpdatedRows }] = (await database.write((writer) =>
    writer
      .updateTable('content')
      .set({ released_at: 1 })
      .where('id', 'in', ids)
      .where('released_at', 'is not', null)
      .execute(),
  )) as [{ numUpdatedRows: bigint }];
  assert.equal(Number(numUpdatedRows), ids.length);
  return ids;
}

async function isStored(database: Database, id: string): Promise<boolean> {
  const row = await database.reader
    .selectFrom('content')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.state === 'stored';
}

async function isSwept(database: Database, id: string): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; await isStored(database, id); await sleep(50))
    assert.ok(Date.now() < deadline, `${id} is still there`);
}
