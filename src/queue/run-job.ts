import { rm } from 'node:fs/promises';
import type { JobRecord, JobResult, Progress, Timings } from '../contract/job.ts';
import type { WorkRequest } from '../contract/job-request.ts';
import { AppError } from '../errors.ts';
import { type AdapterService, weightsOf } from '../service/adapter-service.ts';
import { cancelledJob } from '../service/job-control/cancelled-job.ts';
import { finishAttempt, isWanted } from '../service/job-control/finish-attempt.ts';
import { isFinal, type JobStore } from '../service/job-store.ts';
import { batchCancelKey, blobKey } from '../service/layout.ts';
import { keepFile } from '../service/retention/keep-blob.ts';
import { sourceIds } from '../service/source-ids.ts';
import type { JobOutcome, SourceFiles } from '../squeeze/job-context.ts';
import type { RequestInput } from '../squeeze/run-request.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { bringResults } from './bring-results.ts';
import { jobFailure } from './error-codec.ts';
import type { JobTransfers } from './job-transfers.ts';
import type { JobTotals } from './job-types.ts';
import { ProgressThrottle } from './progress.ts';
import { workOf } from './work-of.ts';

const NOTHING_COMPUTED = { modules: 0, bytesRead: 0, bytesWritten: 0 };

export interface JobDeps {
  readonly blobs: BlobStore;
  readonly jobs: JobStore;
  readonly adapters: Pick<AdapterService, 'source' | 'register' | 'readFile' | 'openGate'>;
  /** Fetches and brings adapters. */
  readonly transfers: Pick<JobTransfers, 'fetch' | 'bring'>;
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
  /** Whether a failure that may pass is final now. */
  readonly isLast: boolean;
  readonly startedAtMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Does a job from its record to its outcome. The outcome is written last, so that whoever finds it finds the results
 * and the report too. Doing a job again is harmless: results have the ids of their content.
 * @returns null when there was nothing to do: the job has an outcome, is gone, or was never accepted; or it was cancelled
 * while it ran, and then its results are dropped
 * @throws AppError
 */
export async function runJob(deps: JobDeps, attempt: Attempt): Promise<JobTotals> {
  const job = await deps.jobs.get(attempt.jobId);
  if (!job || isFinal(job)) return null;
  if (job.batch_id !== null && (await deps.blobs.stat(batchCancelKey(job.batch_id)))) {
    await deps.jobs.finish(cancelledJob(job));
    return null;
  }
  const scratchDir = await deps.blobs.makeScratch();
  deps.onScratch(scratchDir);
  const throttle = new ProgressThrottle(attempt.onProgress);
  try {
    return await runIn(scratchDir, deps, job, attempt, throttle);
  } finally {
    throttle.close();
    await rm(scratchDir, { recursive: true, force: true });
    deps.onScratch(undefined);
  }
}

async function runIn(
  scratchDir: string,
  { blobs, jobs, adapters, transfers, work }: JobDeps,
  accepted: JobRecord,
  attempt: Attempt,
  throttle: ProgressThrottle,
): Promise<JobTotals> {
  const request = (await jobs.withSecrets(accepted.id))?.request;
  // Deleted in this moment.
  if (!request) return null;
  const onProgress = (progress: Progress): void => throttle.report(progress);
  const context = { jobId: accepted.id, adapters, scratchDir, onProgress, signal: attempt.signal };
  const source = 'source' in request ? request.source : undefined;
  const job: JobRecord = { ...accepted, import: source ? await transfers.fetch(source, context) : null };
  if (request.kind === 'import' || request.kind === 'export') {
    const deliveries =
      request.kind === 'export' ? [await transfers.bring(request.to, request.adapter_id, context)] : [];
    throttle.flush();
    if (await isWanted(jobs, job.id))
      await finishAttempt(blobs, jobs, transferred({ ...job, deliveries }, attempt), null);
    return NOTHING_COMPUTED;
  }

  const computed = workOf(request, job.import?.adapter_id);
  const ids = sourceIds(computed);
  const outcome = await work({
    jobId: job.id,
    request: computed,
    sources: await sourcesOf(adapters, ids),
    optimizerPath: await optimizerPath(blobs, computed),
    scratchDir,
    onProgress,
    signal: attempt.signal,
  });
  if (attempt.signal.aborted)
    throw new AppError('CANCELLED', 'The job was stopped before its results were stored.');

  const storing = performance.now();
  // A sum of several adapters has no one parent; its report and its metadata name them all.
  const lineage = { parentId: ids.length === 1 ? ids[0]! : null, jobId: job.id };
  const adapterIds: string[] = [];
  for (const { files } of outcome.targets) {
    if (!(await isWanted(jobs, job.id))) return null;
    adapterIds.push(files ? (await adapters.register(files, lineage)).record.id : ids[0]!);
  }
  let storeSeconds = (performance.now() - storing) / 1000;
  const brought = await bringResults(
    ('deliver' in request && request.deliver) || [],
    ({ target, to }) => transfers.bring(to, adapterIds[target]!, context),
    attempt,
  );
  throttle.flush();

  // Not before the results were brought away, which may take long: only the outcome refers to them.
  const keeping = performance.now();
  for (const file of outcome.targets.flatMap(({ extra }) => extra)) await keepFile(blobs, file);
  storeSeconds += (performance.now() - keeping) / 1000;

  const finishedAtMs = Date.now();
  const timings: Timings = {
    ...outcome.timings,
    queue_wait: (attempt.startedAtMs - Date.parse(job.created_at)) / 1000,
    write: outcome.timings.write + storeSeconds,
    total: (finishedAtMs - attempt.startedAtMs) / 1000,
  };
  if (!(await isWanted(jobs, job.id))) return null;
  const report = {
    ...outcome.report,
    timings,
    targets: outcome.report.targets.map((target, i) => ({ ...target, adapter_id: adapterIds[i]! })),
  };
  const ended: JobRecord = {
    ...job,
    state: brought.error ? 'failed' : 'succeeded',
    progress: donePhase(outcome.modules),
    started_at: new Date(attempt.startedAtMs).toISOString(),
    finished_at: new Date(finishedAtMs).toISOString(),
    attempts: attempt.number,
    results: outcome.targets.map(({ result }, i): JobResult => ({ ...result, adapter_id: adapterIds[i]! })),
    deliveries: brought.deliveries,
    timings,
    provider: outcome.provider,
    error: brought.error && jobFailure(brought.error),
  };
  await finishAttempt(blobs, jobs, ended, report);
  return { modules: outcome.modules, bytesRead: outcome.bytesRead, bytesWritten: outcome.bytesWritten };
}

async function sourcesOf(
  adapters: JobDeps['adapters'],
  ids: readonly string[],
): Promise<Map<string, SourceFiles>> {
  const sources = new Map<string, SourceFiles>();
  for (const id of ids) {
    const { record, weightsPath, configBytes } = await adapters.source(id);
    const { bytes } = weightsOf(record);
    const { sha256, base_model } = record;
    sources.set(id, { id, sha256, bytes, base_model, weightsPath, configBytes });
  }
  return sources;
}

/** @throws AppError STORAGE_FAILED when the moments are gone */
async function optimizerPath(blobs: JobDeps['blobs'], request: WorkRequest): Promise<string | null> {
  if (request.kind !== 'checkpoint' || !request.optimizer) return null;
  return blobs.localFile(blobKey(request.optimizer.sha256));
}

/** The record of a job that only fetched or brought an adapter. */
function transferred(job: JobRecord, attempt: Attempt): JobRecord {
  return {
    ...job,
    state: 'succeeded',
    progress: donePhase(0),
    started_at: new Date(attempt.startedAtMs).toISOString(),
    finished_at: new Date().toISOString(),
    attempts: attempt.number,
  };
}

const donePhase = (modules: number): Progress => ({
  phase: 'done',
  done: modules,
  total: modules,
  module: null,
});
