/**
 * The compute process: BullMQ forks it and hands it one job after another. It is the only process that loads ONNX
 * Runtime, whose `run` blocks its thread, and it wires itself from the environment that its worker made.
 */
import { rmSync } from 'node:fs';
import type { SandboxedJob } from 'bullmq';
import { loadConfig } from '../config.ts';
import { createLogger } from '../log.ts';
import { AdapterService } from '../service/adapter-service.ts';
import { JobStore } from '../service/job-store.ts';
import { squeeze } from '../squeeze/squeeze.ts';
import { DiskStore } from '../storage/disk-store.ts';
import { encodeError } from './error-codec.ts';
import type { JobData, JobTotals } from './job-types.ts';
import { runSqueezeJob } from './squeeze-job.ts';

const config = loadConfig();
const logger = createLogger(config.logLevel, { component: 'compute' });
const blobs = await DiskStore.open(config.storageDir);
const deps = {
  blobs,
  jobs: new JobStore(blobs),
  adapters: new AdapterService(blobs),
  squeeze,
  onScratch: (folder: string | undefined): void => {
    scratch = folder;
  },
};
let scratch: string | undefined;

// A worker that is killed cannot end us. Its job starts again elsewhere: finishing it here would only be in the way.
process.on('disconnect', () => {
  if (scratch) rmSync(scratch, { recursive: true, force: true });
  process.exit(1);
});

/** BullMQ's entry point. */
export default async function processor(
  job: SandboxedJob<JobData>,
  _token: string,
  signal: AbortSignal,
): Promise<JobTotals> {
  try {
    return await runSqueezeJob(deps, {
      jobId: job.id!,
      number: job.attemptsStarted ?? 1,
      startedAtMs: job.processedOn ?? Date.now(),
      signal,
      // A parent that cannot be told is gone; 'disconnect' sees to that.
      onProgress: (progress) => void job.updateProgress(progress).catch(() => undefined),
    });
  } catch (error) {
    logger.debug({ jobId: job.id, err: error }, 'attempt failed');
    throw encodeError(error);
  }
}
