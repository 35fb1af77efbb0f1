import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres } from '../../test/database/postgres-server.ts';
import { Client } from '../../test/e2e/client.ts';
import { startService } from '../../test/e2e/service.ts';
import { FIT, startExternalRedis } from '../../test/queue/external-redis.ts';
import { runJob } from '../service/run-job.ts';
import { upload } from '../service/transfer.ts';

/** Each waiting job has its own client; together they must not occupy a core. */
const POLL_MS = 500;

export interface Load {
  readonly workers: number;
  readonly jobs: number;
  readonly targetRank: number;
}

export interface ScalingResult extends Load {
  /** From the moment the first job was accepted until the last one succeeded. */
  readonly seconds: number;
  /** The smallest and the largest number of jobs that a worker did. */
  readonly share: readonly [number, number];
}

/** One API and this many workers with one thread each, all built processes that share one Redis and one folder. */
export async function measureWorkers(
  stateDir: string,
  adapterDir: string,
  load: Load,
): Promise<ScalingResult> {
  const { workers, jobs, targetRank } = load;
  await rm(stateDir, { recursive: true, force: true });
  await mkdir(stateDir, { recursive: true });
  const closers: (() => Promise<void>)[] = [() => rm(stateDir, { recursive: true, force: true })];
  try {
    const redis = await startExternalRedis(stateDir, FIT);
    closers.push(() => redis.stop());
    const postgres = await startPostgres(join(stateDir, 'postgres'));
    closers.push(() => postgres.stop());
    const DATABASE_URL = await postgres.newDatabase();
    const start = async (role: 'api' | 'worker', number = 0) => {
      const service = await startService({
        dataDir: join(stateDir, `${role}-${number}`),
        entry: 'built',
        env: {
          ...{ ROLE: role, REDIS_URL: redis.url, DATABASE_URL },
          STORAGE_URL: `file:${join(stateDir, 'storage')}`,
          ...{ COMPUTE_THREADS: '1', EXECUTION_PROVIDER: 'cpu', LOG_LEVEL: 'warn' },
        },
      });
      closers.push(() => service.stop());
      return service;
    };
    const api = await start('api');
    const team = await Promise.all(Array.from({ length: workers }, (_, i) => start('worker', i)));
    const client = new Client(api.url);
    const { id } = await upload(client, adapterDir);
    const runMany = (count: number) =>
      Promise.all(
        Array.from({ length: count }, () =>
          runJob(client, { adapterId: id, rank: targetRank, pollMs: POLL_MS }),
        ),
      );
    // Every worker has a warm compute process before the clock starts.
    await runMany(2 * workers);
    const before = await Promise.all(team.map(endedJobs));
    const done = (await runMany(jobs)).map(({ job }) => job);
    const firstMs = Math.min(...done.map((job) => Date.parse(job.created_at)));
    const lastMs = Math.max(...done.map((job) => Date.parse(job.finished_at!)));
    const counts = (await Promise.all(team.map(endedJobs))).map((count, i) => count - before[i]!);
    return { ...load, seconds: (lastMs - firstMs) / 1000, share: [Math.min(...counts), Math.max(...counts)] };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function endedJobs({ url }: { readonly url: string }): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^lora_squeeze_jobs_total\{[^}]*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}
