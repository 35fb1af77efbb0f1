import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../../bench/adapter/random.ts';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { until } from '../queue/harness.ts';
import { type FaultProxy, startFaultProxy } from '../storage/fault-proxy.ts';
import { Witness } from '../storage/s3-bench.ts';
import { BUCKET, motoIsMissing, startMoto } from '../storage/s3-servers.ts';
import { Fleet } from './fleet.ts';
import { assertNoneLeft, jobsInRedis, s3Scratch, unfinishedRows } from './leftovers.ts';
import type { Entry } from './member.ts';
import { PatientClient } from './patient-client.ts';
import { assertWhole, distinctRequests, uploadAdapters } from './requests.ts';
import { submit } from './submitter.ts';

const SUBMITTERS = 3;
/** Items of one batch, besides the jobs that are submitted one by one. */
const BATCH_JOBS = 3;
const SETTLE_LIMIT_MS = 600_000;

export interface BrownOutOptions {
  /** A folder for this run alone, which is removed. */
  readonly folder: string;
  readonly entry: Entry;
  readonly workers: number;
  /** At least this long; up to `longestSeconds` if fewer than `minJobs` have ended by then. */
  readonly seconds: number;
  readonly longestSeconds: number;
  readonly minJobs: number;
  /** The share of the store's responses that are errors, from 0 to 1. */
  readonly share: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface BrownOutReport {
  readonly share: number;
  readonly seconds: number;
  /** Requests that reached the store during the trouble, and those of them that failed. */
  readonly requests: number;
  readonly failed: number;
  /** Jobs that were accepted during the trouble; all of them succeeded. */
  readonly jobs: number;
  /**
   * Attempts that failed because of the storage and were not counted; jobs that lost an attempt nevertheless.
   */
  readonly postponed: number;
  readonly repeated: number;
  /** Seconds from the end of the trouble to the end of the last job. */
  readonly settled: number;
}

/**
 * Lets a store fail a share of all requests with 500 or 503 while jobs are submitted, and checks the promises
 * of the service: every job succeeds, with the same bytes as without trouble, and nothing is left behind.
 * @returns why it could not be run, if there is no S3 server
 * @throws AssertionError naming the promise that was broken
 */
export async function tryBrownOut(options: BrownOutOptions): Promise<BrownOutReport | string> {
  const missing = motoIsMissing();
  if (missing !== undefined) return missing;
  const { folder, entry, workers, say } = options;
  await mkdir(folder, { recursive: true });
  const server = await startMoto();
  const proxy = await startFaultProxy(server.url);
  const env = {
    ...server.env,
    AWS_ENDPOINT_URL_S3: proxy.url,
    STORAGE_URL: `s3://${BUCKET}/lora`,
    S3_FORCE_PATH_STYLE: 'true',
    LOG_LEVEL: 'warn',
  };
  const fleet = await Fleet.start({ folder, entry, workers, env });
  const witness = new Witness(server);
  try {
    return await brownOut(fleet, proxy, witness, options);
  } catch (error) {
    for (const member of fleet.members)
      say(`the log of a member (${member.options.role}) ends with\n${member.log().slice(-4_000)}`);
    throw error;
  } finally {
    proxy.fault = () => undefined;
    await fleet.end();
    witness.client.destroy();
    await proxy.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function brownOut(
  fleet: Fleet,
  proxy: FaultProxy,
  witness: Witness,
  { folder, seconds, longestSeconds, minJobs, share, seed, say }: BrownOutOptions,
): Promise<BrownOutReport> {
  const client = new PatientClient(fleet.api.url);
  const adapters = await uploadAdapters(client);
  // The compute process must be running before the trouble begins, however long it takes to start.
  await client.squeeze(adapters[0]!, [{ rank: 1 }]);
  const batch = await postBatch(client, adapters[0]!);
  const begunAt = Date.now();
  let ends = 0;
  const isOver = (): boolean => Date.now() - begunAt >= 1000 * (ends >= minJobs ? seconds : longestSeconds);
  const chance = random(seed);
  let [requests, failed] = [0, 0];
  proxy.fault = () => {
    requests++;
    if (chance() >= share) return undefined;
    failed++;
    return { status: chance() < 0.5 ? 500 : 503 };
  };
  say(`${100 * share} % of the store's answers are errors for ${seconds} s or longer`);
  const accepted: { request: object; jobId: string }[] = [];
  const next = distinctRequests(adapters, 10_000).values();
  const submitting = Array.from({ length: SUBMITTERS }, async () => {
    for (const request of next) {
      const key = `brown-out-${seed}-${request.options.seed}`;
      const { jobId } = await submit(fleet.api.url, key, request, Date.now() + SETTLE_LIMIT_MS);
      accepted.push({ request, jobId });
      await until(
        `the end of ${jobId}`,
        async () => (await hasEnded(client, jobId)) || undefined,
        SETTLE_LIMIT_MS,
      );
      ends += 1;
      if (isOver()) break;
    }
  });
  // Awaited below.
  for (const one of submitting) one.catch(() => undefined);
  while (!isOver()) await sleep(50);
  proxy.fault = () => undefined;
  const lasted = Math.round((Date.now() - begunAt) / 1000);
  const calmMs = performance.now();
  say(`${failed} of ${requests} requests failed, ${ends} jobs have ended; waiting for the rest`);
  await Promise.all(submitting);
  const ended = await until(
    'the end of the batch',
    async () => {
      const now = await client.json<BatchRecord>(`/v1/batches/${batch.id}`);
      return now.finished_at === null ? undefined : now;
    },
    SETTLE_LIMIT_MS,
  );
  const settled = (performance.now() - calmMs) / 1000;
  assert.equal(ended.state, 'succeeded', JSON.stringify(ended.counts));

  const jobs = await Promise.all(
    accepted.map(async ({ jobId, request }) => {
      const job = await client.json<JobRecord>(`/v1/jobs/${jobId}`);
      assert.equal(job.state, 'succeeded', `${jobId}: ${JSON.stringify(job.error)}`);
      const answer = await client.postJob({ ...request, reuse: false });
      const again = await client.finished(((await answer.json()) as JobRecord).id);
      const [made, expected] = [await client.contents(job), await client.contents(again)];
      assert.deepEqual(made, expected, `${jobId} has other bytes than without trouble`);
      for (const id of resultIds(job)) await assertWhole(client, id);
      return job;
    }),
  );

  await assertNoneLeft('unfinished uploads', () => witness.unfinishedUploads());
  await assertNoneLeft('scratch', async () => s3Scratch(folder));
  await assertNoneLeft('jobs in Redis', () => jobsInRedis(fleet.redisPort));
  assert.deepEqual(await unfinishedRows(fleet.databaseUrl), [], 'the database');
  return {
    share,
    seconds: lasted,
    requests,
    failed,
    jobs: jobs.length + BATCH_JOBS,
    postponed: await postponedIn(fleet),
    repeated: jobs.filter(({ attempts }) => attempts > 1).length,
    settled,
  };
}

async function postBatch(client: PatientClient, adapterId: string): Promise<BatchRecord> {
  const jobs = Array.from({ length: BATCH_JOBS }, (_, i) => ({
    kind: 'squeeze',
    adapter_id: adapterId,
    targets: [{ rank: 2 }],
    options: { seed: 1_000_000 + i },
  }));
  const response = await client.fetch('/v1/batches', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'brown-out-batch' },
    body: JSON.stringify({ jobs }),
  });
  assert.equal(response.status, 202, await response.clone().text());
  return (await response.json()) as BatchRecord;
}

/** While the store fails, a client may get an error however often it asks. */
const hasEnded = async (client: PatientClient, jobId: string): Promise<boolean> => {
  const job = await client.json<JobRecord>(`/v1/jobs/${jobId}`).catch(() => undefined);
  return job !== undefined && job.state !== 'queued' && job.state !== 'active';
};

const resultIds = (job: JobRecord): string[] => succeededResults(job).map(({ adapter_id }) => adapter_id);

async function postponedIn(fleet: Fleet): Promise<number> {
  const counts = await Promise.all(
    fleet.workers.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return [...text.matchAll(/^lora_squeeze_job_storage_retries_total\{.*\} (\d+)$/gm)].map(([, n]) =>
        Number(n),
      );
    }),
  );
  return counts.flat().reduce((sum, count) => sum + count, 0);
}
