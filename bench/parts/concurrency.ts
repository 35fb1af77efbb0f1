import { availableParallelism } from 'node:os';
import { factorBytes, llamaAdapter } from '../adapter/adapter-spec.ts';
import { type Throughput, throughputPage } from '../concurrency/throughput-page.ts';
import { withService } from '../service/bench-service.ts';
import { watchComputeMemory } from '../service/memory-watch.ts';
import { runJob } from '../service/run-job.ts';
import { upload } from '../service/transfer.ts';
import { type Context, type Section, stateDir, withAdapter } from './context.ts';

const SOURCE_RANK = 16;
const AT_ONCE = [1, 2, 4];
/** Each waiting job has its own client; together they must not occupy a core. */
const POLL_MS = 500;
/** Divisible by each of AT_ONCE, so that all compute processes are busy until the end. */
const JOBS = 12;
const QUICK = { layers: 2, jobs: 4 };

/** Jobs per minute when 1, 2 or 4 of them run at the same time and share the cores. */
export function measureConcurrency(context: Context): Promise<Section> {
  const { quick } = context.options;
  const spec = quick ? llamaAdapter(SOURCE_RANK, QUICK.layers) : llamaAdapter(SOURCE_RANK);
  const jobs = quick ? QUICK.jobs : JOBS;
  const targetRank = SOURCE_RANK / 2;
  return withAdapter(context, spec, 2 + jobs, async (adapterDir) => {
    const measured: Throughput[] = [];
    for (const atOnce of AT_ONCE) {
      const threads = Math.max(1, Math.floor(availableParallelism() / atOnce));
      context.say(`${jobs} jobs, ${atOnce} at a time with ${threads} threads each …`);
      measured.push({
        atOnce,
        threads,
        ...(await throughput(context, adapterDir, { atOnce, threads, jobs, targetRank })),
      });
    }
    return { markdown: throughputPage(spec, factorBytes(spec), targetRank, measured) };
  });
}

function throughput(
  context: Context,
  adapterDir: string,
  load: {
    readonly atOnce: number;
    readonly threads: number;
    readonly jobs: number;
    readonly targetRank: number;
  },
): Promise<{ jobs: number; seconds: number; jobSeconds: number[]; peakBytes: number }> {
  const { atOnce, threads, jobs, targetRank } = load;
  const env = { WORKER_CONCURRENCY: String(atOnce), COMPUTE_THREADS: String(threads) };
  return withService(stateDir(context), env, async ({ service, client }) => {
    const { id } = await upload(client, adapterDir);
    const runMany = (count: number) =>
      Promise.all(
        Array.from({ length: count }, () =>
          runJob(client, { adapterId: id, rank: targetRank, pollMs: POLL_MS }),
        ),
      );
    // Every compute process is started and warmed up before the clock starts.
    await runMany(atOnce);
    await runMany(atOnce);
    const { result, peakBytes } = await watchComputeMemory(service, () => runMany(jobs));
    const done = result.map(({ job }) => job);
    const firstMs = Math.min(...done.map((job) => Date.parse(job.created_at)));
    const lastMs = Math.max(...done.map((job) => Date.parse(job.finished_at!)));
    const jobSeconds = done.map((job) => job.timings!.total);
    return { jobs, seconds: (lastMs - firstMs) / 1000, jobSeconds, peakBytes };
  });
}
