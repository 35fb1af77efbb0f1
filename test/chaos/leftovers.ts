import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { Redis } from 'ioredis';
import pg from 'pg';
import { SCRATCH_FOLDER } from '../../src/storage/blob-store.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { isAlive, thisProcess } from '../../src/storage/process-identity.ts';
import { until } from '../queue/harness.ts';

/** Waits until nothing of a kind is left. @param names of what is left */
export const assertNoneLeft = (what: string, names: () => Promise<unknown[]>): Promise<unknown> =>
  until(what, async () => (await names()).length === 0 || undefined).catch(async () =>
    assert.deepEqual(await names(), [], what),
  );

/** Files in the scratch folders of running processes; idle processes have none. */
export async function scratchInUse(storageDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const { owner, path } of scratchFiles(storageDir)) {
    if ((await isAlive(owner)) !== false) found.push(path);
  }
  return found;
}

/** Ids of the processes that work on an attempt: each has a folder for it in its scratch folder. */
export function busyProcesses(storageDir: string): Set<number> {
  const atWork = scratchFiles(storageDir).filter(({ path }) => path.includes('/work-'));
  return new Set(atWork.map(({ owner }) => Number(owner.split('-')[1])));
}

/** Files that are left after all processes have ended and the next one has started, which sweeps. */
export async function scratchAfterNextStart(storageDir: string): Promise<string[]> {
  const store = await DiskStore.open(storageDir);
  const own = await thisProcess();
  const left = readdirSync(join(storageDir, SCRATCH_FOLDER)).filter((name) => !name.startsWith(own));
  await store.close();
  return left;
}

/** Incomplete files of all members of a fleet whose storage is a bucket. @param folder of the fleet */
export function s3Scratch(folder: string): string[] {
  const members = readdirSync(folder).filter((name) => /^(api|worker)-/.test(name));
  return members
    .flatMap((name) => list(join(folder, name, 's3/tmp')))
    .filter((path) => /(^|\/)(file|work)-/.test(path));
}

/** Files of the storage that are neither a record nor a blob: their names are those of incomplete files. */
export function halfWritten(storageDir: string): string[] {
  return (readdirSync(storageDir, { recursive: true }) as string[])
    .filter((path) => !path.startsWith(SCRATCH_FOLDER))
    .filter((path) => /(^|\/)(file|work)-|\.(tmp|partial|part)$/.test(path));
}

/** Bytes of uploads that were never completed. */
export function openUploads(storageDir: string): string[] {
  try {
    return (readdirSync(join(storageDir, 'uploads'), { recursive: true, withFileTypes: true }) ?? [])
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}

/**
 * Keys of single dispatches in Redis. When all jobs have ended, none is left.
 * @param place its port, or the path of its socket
 */
export async function jobsInRedis(place: number | string): Promise<string[]> {
  const redis = typeof place === 'number' ? new Redis(place, '127.0.0.1') : new Redis(place);
  try {
    return (await redis.keys('*:jobs:*')).filter((key) => /:jobs:ex_/.test(key));
  } finally {
    redis.disconnect();
  }
}

/**
 * What the database must not contain when all jobs have ended, none of which fetched or delivered anything:
 * one sentence each.
 */
export async function unfinishedRows(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const results = `jsonb_array_elements(job.outcome::jsonb -> 'results') as result (value)`;
    const { rows } = await client.query<{ problem: string }>(looseEndsAmong(results));
    return rows.map(({ problem }) => problem);
  } finally {
    await client.end();
  }
}

/** The same for SQLite. */
export function unfinishedRowsIn(file: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database.prepare(looseEndsAmong(`json_each(job.outcome, '$.results') as result`)).all();
    return (rows as { problem: string }[]).map(({ problem }) => problem);
  } finally {
    database.close();
  }
}

const looseEndsAmong = (results: string): string => `
  select id || ' is ' || state as problem from execution where state in ('waiting', 'dispatched')
  union all select id || ' has no job' from execution
    where not exists (select 1 from job where job.execution = execution.id)
  union all select id || ' has no report' from job
    where state = 'succeeded'
      and not exists (select 1 from job_file where job_file.job = job.id and job_file.role = 'report')
  union all select job.id || ' has lost ' || (result.value ->> 'adapter_id')
    from job, ${results}
    where not exists (select 1 from adapter where adapter.id = result.value ->> 'adapter_id')`;

function scratchFiles(storageDir: string): { owner: string; path: string }[] {
  const root = join(storageDir, SCRATCH_FOLDER);
  return readdirSync(root).flatMap((folder) => {
    const names = list(join(root, folder));
    return names.map((name) => ({ owner: folder.split('~', 1)[0]!, path: join(folder, name) }));
  });
}

/** The files of a folder that may disappear meanwhile. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true }) as string[];
  } catch {
    return [];
  }
}
