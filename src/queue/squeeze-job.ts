import { rm } from 'node:fs/promises';
import type { JobRecord, JobResult, Progress, Timings } from '../contract/job.ts';
import { AppError } from '../errors.ts';
import type { AdapterService } from '../service/adapter-service.ts';
import { isFinal, type JobStore } from '../service/job-store.ts';
import type { SqueezeInput, SqueezeOutcome } from '../squeeze/squeeze.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { JobTotals } from './job-types.ts';
import { ProgressThrottle } from './progress.ts';

export interface SqueezeJobDeps {
  readonly blobs: Pick<BlobStore, 'makeScratch'>;
  readonly jobs: JobStore;
  readonly adapters: Pick<AdapterService, 'source' | 'register'>;
  readonly squeeze: (input: SqueezeInput) => Promise<SqueezeOutcome>;
  /** Told where the attempt's files lie, and undefined when they are gone. */
  readonly onScratch: (folder: string | undefined) => void;
}

/** One attempt at a job, as the queue hands it out. */
export interface Attempt {
  readonly jobId: string;
  /** 1 for the first. */
  readonly number: number;
  readonly startedAtMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Does a job from its record to its outcome. The outcome is written last, so that whoever finds it finds the results
 * and the report too. Doing a job again is harmless: results have the ids of their content.
 * @returns null when there was nothing to do: an earlier attempt came to an end, or the job was never accepted
 * @throws AppError
 */
export async function runSqueezeJob(deps: SqueezeJobDeps, attempt: Attempt): Promise<JobTotals> {
  const job = await deps.jobs.get(attempt.jobId);
  if (!job || isFinal(job)) return null;
  const scratchDir = await deps.blobs.makeScratch();
  deps.onScratch(scratchDir);
  try {
    return await squeezeIn(scratchDir, deps, job, attempt);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
    deps.onScratch(undefined);
  }
}

async function squeezeIn(
  scratchDir: string,
  { jobs, adapters, squeeze }: SqueezeJobDeps,
  job: JobRecord,
  attempt: Attempt,
): Promise<JobTotals> {
  const { record: source, weightsPath, configBytes } = await adapters.source(job.request.adapter_id);
  const throttle = new ProgressThrottle(attempt.onProgress);
  const outcome = await squeeze({
    jobId: job.id,
    adapterId: source.id,
    weightsPath,
    weightsSha256: source.sha256,
    configBytes,
    targets: job.request.targets,
    options: job.request.options ?? {},
    scratchDir,
    onProgress: (progress) => throttle.report(progress),
    signal: attempt.signal,
  });
  throttle.flush();
  if (attempt.signal.aborted)
    throw new AppError('CANCELLED', 'The job was stopped before its results were stored.');

  const storing = performance.now();
  const adapterIds: string[] = [];
  for (const { files } of outcome.targets) {
    const lineage = { parentId: source.id, jobId: job.id };
    adapterIds.push(files ? (await adapters.register(files, lineage)).record.id : source.id);
  }
  const storeSeconds = (performance.now() - storing) / 1000;

  const finishedAtMs = Date.now();
  const timings: Timings = {
    ...outcome.timings,
    queue_wait: (attempt.startedAtMs - Date.parse(job.created_at)) / 1000,
    write: outcome.timings.write + storeSeconds,
    total: (finishedAtMs - attempt.startedAtMs) / 1000,
  };
  await jobs.putReport({
    ...outcome.report,
    timings,
    targets: outcome.report.targets.map((target, i) => ({ ...target, adapter_id: adapterIds[i]! })),
  });
  await jobs.finish({
    ...job,
    state: 'succeeded',
    progress: donePhase(outcome),
    started_at: new Date(attempt.startedAtMs).toISOString(),
    finished_at: new Date(finishedAtMs).toISOString(),
    attempts: attempt.number,
    results: outcome.targets.map(({ result }, i): JobResult => ({ ...result, adapter_id: adapterIds[i]! })),
    timings,
    provider: outcome.provider,
  });
  return { modules: outcome.modules, bytesRead: outcome.bytesRead, bytesWritten: outcome.bytesWritten };
}

const donePhase = ({ modules }: SqueezeOutcome): Progress => ({
  phase: 'done',
  done: modules,
  total: modules,
  module: null,
});
