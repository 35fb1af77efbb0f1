import { rm } from 'node:fs/promises';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord, JobResult, Progress, Timings } from '../contract/job.ts';
import type { WorkRequest } from '../contract/job-request.ts';
import { AppError } from '../errors.ts';
import { localFiles, weightsOf } from '../service/adapter-files.ts';
import { type DescribedAdapter, describeAdapter } from '../service/described-adapter.ts';
import { blobKey, reportKey } from '../service/layout.ts';
import { keepFile } from '../service/retention/keep-blob.ts';
import type { JobOutcome, OutputFile, SourceFiles } from '../squeeze/job-context.ts';
import type { RequestInput } from '../squeeze/run-request.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { bringResults } from './bring-results.ts';
import { jobFailure } from './error-codec.ts';
import type { JobTransfers } from './job-transfers.ts';
import { ProgressThrottle } from './progress.ts';
import type { Made, MadeAdapter, Task } from './task.ts';
import { workOf } from './work-of.ts';

const NOTHING_COMPUTED = { modules: 0, bytesRead: 0, bytesWritten: 0 };

export interface JobDeps {
  /** Of the job's tenant: files to read, and where results are stored. Records are the worker's business. */
  readonly blobs: BlobStore;
  /** Fetches and brings adapters. */
  readonly transfers: Pick<JobTransfers, 'fetch' | 'bring'>;
  /** Does the work of the request; see runRequest. */
  readonly work: (input: RequestInput) => Promise<JobOutcome>;
  /** Told where the attempt's files lie, and undefined when they are gone. */
  readonly onScratch: (folder: string | undefined) => void;
  readonly adapterFiles: AdapterFiles;
}

type FilesRecord = Pick<AdapterRecord, 'id' | 'sha256' | 'base_model' | 'files'>;

/** How the files of adapters come and go. All methods throw AppError STORAGE_*. */
export interface AdapterFiles {
  /** Stores the files of an adapter, and tells what they are. */
  readonly store: (files: readonly OutputFile[]) => Promise<DescribedAdapter>;
  /** Makes an adapter local. */
  readonly local: (record: FilesRecord) => Promise<SourceFiles>;
}

/** One attempt at a job, as the queue hands it out. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /** Whether a failure that may pass is final now. */
  readonly isLast: boolean;
  readonly startedAtMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Does a job: from what its worker was told to what its worker has to record. Files and report are stored before this
 * returns. Doing a job again is harmless: content is stored under its digest.
 * @throws AppError
 */
export async function runJob(deps: JobDeps, task: Task, attempt: Attempt): Promise<Made> {
  const scratchDir = await deps.blobs.makeScratch();
  deps.onScratch(scratchDir);
  const throttle = new ProgressThrottle(attempt.onProgress);
  try {
    return await runIn(scratchDir, deps, task, attempt, throttle);
  } finally {
    throttle.close();
    await rm(scratchDir, { recursive: true, force: true });
    deps.onScratch(undefined);
  }
}

async function runIn(
  scratchDir: string,
  { blobs, transfers, work, adapterFiles }: JobDeps,
  { job: accepted, request, sources }: Task,
  attempt: Attempt,
  throttle: ProgressThrottle,
): Promise<Made> {
  const onProgress = (progress: Progress): void => throttle.report(progress);
  const context = { blobs, scratchDir, onProgress, signal: attempt.signal };
  const adapters: MadeAdapter[] = [];
  const job: JobRecord = { ...accepted };
  const known: SourceFiles[] = [];
  if ('source' in request && request.source) {
    const { files, imported } = await transfers.fetch(request.source, context);
    const described = await adapterFiles.store(files);
    adapters.push({ described, parentId: null });
    job.import = { adapter_id: described.id, ...imported };
    if (request.kind !== 'import') known.push(await adapterFiles.local(described));
  }
  if (request.kind === 'import' || request.kind === 'export') {
    if (request.kind === 'export') job.deliveries = [await transfers.bring(request.to, sources[0]!, context)];
    throttle.flush();
    return { job: transferred(job, attempt), adapters, totals: NOTHING_COMPUTED };
  }

  const computed = workOf(request, job.import?.adapter_id);
  for (const record of sources) known.push(await adapterFiles.local(record));
  const outcome = await work({
    jobId: job.id,
    request: computed,
    sources: new Map(known.map((source) => [source.id, source])),
    optimizerPath: await optimizerPath(blobs, computed),
    scratchDir,
    onProgress,
    signal: attempt.signal,
  });
  if (attempt.signal.aborted)
    throw new AppError('CANCELLED', 'The job was stopped before its results were stored.');

  const storing = performance.now();
  // A sum of several adapters has no one parent; its report and its metadata name them all.
  const parentId = known.length === 1 ? known[0]!.id : null;
  const results: Pick<AdapterRecord, 'id' | 'files'>[] = [];
  for (const { files } of outcome.targets) {
    const described = files && (await adapterFiles.store(files));
    if (described) adapters.push({ described, parentId });
    results.push(described ?? unchanged(sources, adapters));
  }
  let storeSeconds = (performance.now() - storing) / 1000;
  const brought = await bringResults(
    ('deliver' in request && request.deliver) || [],
    ({ target, to }) => transfers.bring(to, results[target]!, context),
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
  const report = {
    ...outcome.report,
    timings,
    targets: outcome.report.targets.map((target, i) => ({ ...target, adapter_id: results[i]!.id })),
  };
  // Here and not by the worker: it has thousands of numbers, and others wait for that process.
  await blobs.put(reportKey(job.id), Buffer.from(JSON.stringify(report)));
  const ended: JobRecord = {
    ...job,
    state: brought.error ? 'failed' : 'succeeded',
    progress: donePhase(outcome.modules),
    started_at: new Date(attempt.startedAtMs).toISOString(),
    finished_at: new Date(finishedAtMs).toISOString(),
    attempts: attempt.number,
    results: outcome.targets.map(({ result }, i): JobResult => ({ ...result, adapter_id: results[i]!.id })),
    deliveries: brought.deliveries,
    timings,
    provider: outcome.provider,
    error: brought.error && jobFailure(brought.error),
  };
  const { modules, bytesRead, bytesWritten } = outcome;
  return { job: ended, adapters, totals: { modules, bytesRead, bytesWritten } };
}

/** The one source of a job that is its own result: it was told, or it is what was fetched first. */
const unchanged = (sources: readonly AdapterRecord[], adapters: readonly MadeAdapter[]) =>
  sources[0] ?? adapters[0]!.described;

/** Those of one tenant, in the storage. */
export const adapterFilesIn = (blobs: BlobStore): AdapterFiles => ({
  async store(files) {
    const described = await describeAdapter(files);
    for (const file of files) await keepFile(blobs, file);
    return described;
  },
  async local(record) {
    const { id, sha256, base_model } = record;
    return { id, sha256, base_model, bytes: weightsOf(record).bytes, ...(await localFiles(blobs, record)) };
  },
});

/** @throws AppError STORAGE_FAILED when the moments are gone */
async function optimizerPath(blobs: BlobStore, request: WorkRequest): Promise<string | null> {
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
