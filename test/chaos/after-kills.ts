import assert from 'node:assert/strict';
import { join } from 'node:path';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { UsageRecord } from '../../src/contract/tenant.ts';
import { connectDatabase } from '../../src/database/open-database.ts';
import { SweepCounts } from '../../src/resources/contents/sweep.ts';
import { sweepContents } from '../../src/resources/contents/sweep-contents.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import { isAlive } from '../e2e/process-tree.ts';
import { until } from '../queue/harness.ts';
import { BUCKET } from '../storage/s3-servers.ts';
import type { DisturbedJob, DisturbedUpload, KillPoints } from './kill-points.ts';
import { assertNoneLeft, jobsInRedis, s3Scratch, unfinishedRows } from './leftovers.ts';
import { assertWhole } from './requests.ts';
import { fixture } from './upload-until-accepted.ts';
import { S3_PREFIX, type WatchedFleet } from './watched-fleet.ts';

/** Longer than a write that failed is waited for. */
const MUCH_LATER_MS = 30 * 86_400_000;

/**
 * Waits until all interrupted work has ended, and checks the promises of the service.
 * @returns the longest time from a kill to that end, in seconds
 * @throws AssertionError naming the promise that was broken
 */
export async function assertNothingLost(
  watched: WatchedFleet,
  { uploads, jobs }: Pick<KillPoints, 'uploads' | 'jobs'>,
  folder: string,
): Promise<number> {
  const { fleet, client } = watched;
  await fleet.ready();
  const endsMs: number[] = [];
  for (const upload of uploads) endsMs.push(await assertUploaded(watched, upload));
  for (const job of jobs) endsMs.push(await assertDone(watched, job));
  for (const job of jobs) endsMs.push(await assertTold(watched, job));

  const adapters = (await client.json<{ data: AdapterRecord[] }>('/v1/adapters?limit=200')).data;
  const results = jobs.reduce((sum, { request }) => sum + request.targets.length, 0);
  assert.equal(adapters.length, 1 + uploads.length + results, 'adapters');
  const stored = adapters.flatMap(({ files }) => files).reduce((sum, { bytes }) => sum + bytes, 0);
  const usage = await client.json<UsageRecord>('/v1/usage');
  assert.deepEqual([usage.stored_bytes, usage.adapters, usage.jobs], [stored, adapters.length, jobs.length]);
  await Promise.all(jobs.map((job) => assertSameAsUndisturbed(watched, job)));

  await assertNoneLeft('jobs in Redis', () => jobsInRedis(fleet.redisPort));
  await assertNoneLeft('scratch', async () => s3Scratch(folder));
  assert.deepEqual(await unfinishedRows(fleet.databaseUrl), [], 'the database');
  assert.deepEqual(await watched.witness.unfinishedUploads(), [], 'unfinished uploads to S3');
  await assertSweptClean(watched, folder);
  assert.deepEqual(await watched.end(), [0, 0], 'exit codes');
  const left = fleet.members.flatMap(({ everyProcess }) => everyProcess).filter(isAlive);
  assert.deepEqual(left, [], 'processes');
  return Math.max(...endsMs) / 1000;
}

/**
 * The adapter that the client knows exists once, with its bytes. @returns how long after the kill the client
 * knew it
 */
async function assertUploaded(
  { client, rows }: WatchedFleet,
  { name, accepted, point, killedMs }: DisturbedUpload,
): Promise<number> {
  const { jobId: id, endedMs } = await accepted;
  const { sha256 } = fixture(name);
  const same = await rows(
    'select 1 from adapter_file join content on content.id = content where sha256 = $1',
    sha256,
  );
  assert.equal(same.length, 1, `${point}: adapters of ${name}`);
  await assertWhole(client, id);
  const { files } = await client.json<AdapterRecord>(`/v1/adapters/${id}`);
  assert.ok(
    files.some((file) => file.sha256 === sha256),
    `${point}: ${id} is not ${name}`,
  );
  return endedMs - killedMs;
}

/**
 * The job succeeded with as many attempts as the kill costs, and has its results once. @returns how long
 * after the kill it ended
 */
async function assertDone(
  { client, rows }: WatchedFleet,
  { jobId, accepted, point, request, state, killedMs }: DisturbedJob,
): Promise<number> {
  assert.equal((await accepted).jobId, jobId, `${point}: the response names another job`);
  const job = await client.finished(jobId);
  assert.deepEqual(
    [job.state, job.attempts],
    ['succeeded', state === 'active' ? 2 : 1],
    `${point}: ${JSON.stringify(job.error)}`,
  );
  const made = await rows<{ id: string }>('select id from adapter where job = $1 order by id', jobId);
  const named = succeededResults(job).map(({ adapter_id }) => adapter_id);
  assert.deepEqual(
    made.map(({ id }) => id),
    named.toSorted(),
    `${point}: results`,
  );
  assert.equal(named.length, request.targets.length, `${point}: results`);
  for (const id of named) await assertWhole(client, id);
  const endedMs = Date.parse(job.finished_at!);
  assert.equal(
    endedMs > killedMs,
    state !== 'succeeded',
    `${point}: what had ended before the kill stays as it was`,
  );
  return Math.max(0, endedMs - killedMs);
}

/** Each of the job's webhooks received its end under one id. @returns how long after the kill that was */
async function assertTold(
  { receiver, rows }: WatchedFleet,
  { jobId, point, killedMs }: DisturbedJob,
): Promise<number> {
  const deliveries = await until(`deliveries of ${point}`, async () => {
    const all = await rows<{ id: string; state: string }>(
      'select id, state from delivery where subject = $1',
      jobId,
    );
    return all.every(({ state }) => state === 'delivered') ? all : undefined;
  });
  const heard = receiver.requests.filter(({ body }) => body.includes(jobId));
  const paths = new Set(heard.map(({ path }) => path));
  assert.ok(paths.has('/all'), `${point}: no webhook was notified`);
  const ids = new Set(heard.map(({ headers }) => headers['webhook-id']));
  assert.deepEqual([...ids].sort(), deliveries.map(({ id }) => id).sort(), `${point}: ids of deliveries`);
  assert.equal(paths.size, deliveries.length, `${point}: each path has one id`);
  if (point === 'unanswered') assert.ok(heard.length > deliveries.length, 'the webhook was notified again');
  return Math.max(...heard.map(({ atMs }) => atMs)) - killedMs;
}

async function assertSameAsUndisturbed(
  { client }: WatchedFleet,
  { jobId, request, point }: DisturbedJob,
): Promise<void> {
  const answer = await client.postJob({ ...request, reuse: false });
  const again = await client.finished(((await answer.json()) as JobRecord).id);
  const job = await client.json<JobRecord>(`/v1/jobs/${jobId}`);
  assert.deepEqual(await client.contents(job), await client.contents(again), `${point}: bytes`);
}

/** After a sweep, objects and rows belong together, and to adapters and jobs. */
async function assertSweptClean(
  { fleet: { databaseUrl: url }, s3, witness, rows }: WatchedFleet,
  folder: string,
): Promise<void> {
  Object.assign(process.env, s3.env);
  const options = { bucket: BUCKET, prefix: S3_PREFIX, forcePathStyle: true, cacheBytes: 0 };
  const store = await S3Store.open(join(folder, 'sweep'), options);
  const database = connectDatabase({ url, dataDir: folder, poolSize: 1, timeoutMs: 10_000 });
  const laterMs = Date.now() + MUCH_LATER_MS;
  try {
    await sweepContents(database, store, { startMs: laterMs, cutoffMs: laterMs, swept: new SweepCounts() });
  } finally {
    await Promise.all([store.close(), database.close()]);
  }
  const objects = await witness.objects(`${S3_PREFIX}/content/`);
  const contents = await rows<{ id: string }>('select id from content where inline is null order by id');
  assert.deepEqual(
    objects.map((key) => key.slice(key.lastIndexOf('/') + 1)).sort(),
    contents.map(({ id }) => id),
    'objects without content, or the other way round',
  );
  assert.deepEqual(await rows('select id from content_write'), [], 'writes that nobody ended');
  assert.deepEqual(await rows(UNUSED), [], 'content that nobody refers to');
}

const UNUSED = `
  select id from content where state <> 'stored' or not (
    exists (select 1 from adapter_file where adapter_file.content = content.id)
    or exists (select 1 from job_file where job_file.content = content.id))`;
