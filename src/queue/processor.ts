/**
 * The compute process: BullMQ forks it and hands it one job after another. It is the only process that loads ONNX
 * Runtime, and it wires itself from the environment that its worker made.
 */
import type { SandboxedJob } from 'bullmq';
import { loadConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { createLogger } from '../log.ts';
import { AdapterService } from '../service/adapter-service.ts';
import { JobStore } from '../service/job-store.ts';
import { ComputePool } from '../squeeze/compute/pool.ts';
import { type RequestInput, runRequest } from '../squeeze/run-request.ts';
import { openStore } from '../storage/open-store.ts';
import { encodeError } from './error-codec.ts';
import { exitOnUncaught } from './exit-on-uncaught.ts';
import { exitWithParent } from './exit-with-parent.ts';
import type { JobData, JobTotals } from './job-types.ts';
import { runJob } from './run-job.ts';

exitOnUncaught();
const config = loadConfig();
const logger = createLogger(config.logLevel, { component: 'compute' });
const blobs = await openStore(config);
const deps = {
  blobs,
  jobs: new JobStore(blobs),
  adapters: new AdapterService(blobs),
  work: async (input: RequestInput) => runRequest(input, await computePool()),
  onScratch: exitWithParent(),
};

/** Kept from job to job: starting threads and sessions takes longer than squeezing a small adapter. */
let pool: Promise<ComputePool> | undefined;

function computePool(): Promise<ComputePool> {
  pool ??= ComputePool.start(config.executionProvider, config.computeThreads, config.cudaMemoryBytes);
  return pool;
}

/** After a failure that nobody foresaw, the next attempt gets threads of its own. */
async function dropPool(): Promise<void> {
  const dropped = pool;
  pool = undefined;
  await (await dropped)?.close();
}

/** BullMQ's entry point. */
export default async function processor(
  job: SandboxedJob<JobData>,
  _token: string,
  signal: AbortSignal,
): Promise<JobTotals> {
  try {
    return await runJob(deps, {
      jobId: job.id!,
      number: job.attemptsStarted ?? 1,
      startedAtMs: job.processedOn ?? Date.now(),
      signal,
      // A parent that cannot be told is gone; exitWithParent sees to that.
      onProgress: (progress) => void job.updateProgress(progress).catch(() => undefined),
    });
  } catch (error) {
    logger.debug({ jobId: job.id, err: error }, 'attempt failed');
    if (!(error instanceof AppError)) await dropPool().catch(() => undefined);
    throw encodeError(error);
  }
}
