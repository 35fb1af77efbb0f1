import { rm } from 'node:fs/promises';
import type { JobRecord, JobResult, Progress, RecordedJobRequest, Timings } from '../contract/job.ts';
import { AppError } from '../errors.ts';
import { type AdapterService, fileOf, WEIGHTS_FILE } from '../service/adapter-service.ts';
import { isFinal, type JobStore } from '../service/job-store.ts';
import { blobKey } from '../service/layout.ts';
import { sourceIds } from '../service/source-ids.ts';
import type { JobOutcome, SourceFiles } from '../squeeze/job-context.ts';
import type { RequestInput } from '../squeeze/run-request.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { JobTotals } from './job-types.ts';
import { ProgressThrottle } from './progress.ts';

export interface JobDeps {
  readonly blobs: Pick<BlobStore, 'makeScratch' | 'localFile' | 'putFile'>;
  readonly jobs: JobStore;
  readonly adapters: Pick<AdapterService, 'source' | 'register'>;
  /** Does the work of the request; see runRequest. */
  readonly work: (input: RequestInput) => Promise<JobOutcome>;
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
export async function runJob(deps: JobDeps, attempt: Attempt): Promise<JobTotals> {
  const job = await deps.jobs.get(attempt.jobId);
  if (!job || isFinal(job)) return null;
  const scratchDir = await deps.blobs.makeScratch();
  deps.onScratch(scratchDir);
  try {
    return await runIn(scratchDir, deps, job, attempt);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
    deps.onScratch(undefined);
  }
}

async function runIn(
  scratchDir: string,
  { blobs, jobs, adapters, work }: JobDeps,
  job: JobRecord,
  attempt: Attempt,
): Promise<JobTotals> {
  const ids = sourceIds(job.request);
  const throttle = new ProgressThrottle(attempt.onProgress);
  const outcome = await work({
    jobId: job.id,
    request: job.request,
    sources: await sourcesOf(adapters, ids),
    optimizerPath: await optimizerPath(blobs, job.request),
    scratchDir,
    onProgress: (progress) => throttle.report(progress),
    signal: attempt.signal,
  });
  throttle.flush();
  if (attempt.signal.aborted)
    throw new AppError('CANCELLED', 'The job was stopped before its results were stored.');

  const storing = performance.now();
  // A sum of several adapters has no one parent; its report and its metadata name them all.
  const lineage = { parentId: ids.length === 1 ? ids[0]! : null, jobId: job.id };
  const adapterIds: string[] = [];
  for (const { files, extra } of outcome.targets) {
    for (const { sha256, path } of extra) await blobs.putFile(blobKey(sha256), path);
    adapterIds.push(files ? (await adapters.register(files, lineage)).record.id : ids[0]!);
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

async function sourcesOf(
  adapters: JobDeps['adapters'],
  ids: readonly string[],
): Promise<Map<string, SourceFiles>> {
  const sources = new Map<string, SourceFiles>();
  for (const id of ids) {
    const { record, weightsPath, configBytes } = await adapters.source(id);
    const { bytes } = fileOf(record, WEIGHTS_FILE);
    const { sha256, base_model } = record;
    sources.set(id, { id, sha256, bytes, base_model, weightsPath, configBytes });
  }
  return sources;
}

/** @throws AppError STORAGE_FAILED when the moments are gone */
async function optimizerPath(blobs: JobDeps['blobs'], request: RecordedJobRequest): Promise<string | null> {
  if (request.kind !== 'checkpoint' || !request.optimizer) return null;
  return blobs.localFile(blobKey(request.optimizer.sha256));
}

const donePhase = ({ modules }: JobOutcome): Progress => ({
  phase: 'done',
  done: modules,
  total: modules,
  module: null,
});
