import { hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { JobRecord, JobResult, Progress, Timings } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import { AppError } from '../errors.ts';
import { localFiles, weightsOf } from '../service/adapter-files.ts';
import { nameOfBase, nameOfResult, nameOfSource } from '../service/adapter-name.ts';
import {
  ContentWriter,
  localFile,
  type NewFile,
  type WrittenFile,
} from '../service/content/content-files.ts';
import { describeAdapter, inRecordOrder } from '../service/described-adapter.ts';
import { newAdapterId } from '../service/layout.ts';
import type { JobOutcome, OutputFile, SourceFiles } from '../squeeze/job-context.ts';
import type { RequestInput } from '../squeeze/run-request.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { bringResults } from './bring-results.ts';
import { jobFailure } from './error-codec.ts';
import type { JobTransfers } from './job-transfers.ts';
import { ProgressThrottle } from './progress.ts';
import type { Made, MadeAdapter, Task, TaskSource } from './task.ts';
import { workOf } from './work-of.ts';

const NOTHING_COMPUTED = { modules: 0, bytesRead: 0, bytesWritten: 0 };

export interface JobDeps {
  /** Of the job's tenant: files to read, and where results are written. Records are the worker's business. */
  readonly blobs: BlobStore;
  /** Fetches and brings adapters. */
  readonly transfers: Pick<JobTransfers, 'fetch' | 'bring'>;
  /** Does the work of the request; see runRequest. */
  readonly work: (input: RequestInput) => Promise<JobOutcome>;
  /** Told where the attempt's files lie, and undefined when they are gone. */
  readonly onScratch: (folder: string | undefined) => void;
  readonly adapterFiles: AdapterFiles;
}

/** How the files of adapters come and go. All methods throw AppError STORAGE_*. */
export interface AdapterFiles {
  /** Tells what the files of an adapter are, and writes them. */
  readonly write: (
    files: readonly OutputFile[],
    writer: ContentWriter,
  ) => Promise<Pick<MadeAdapter, 'described' | 'files'>>;
  /** Makes an adapter local, in this folder where it is small. */
  readonly local: (source: TaskSource, folder: string) => Promise<SourceFiles>;
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
 * Does a job: from what its worker was told to what its worker has to record. All bytes are written before
 * this returns. Doing a job again is harmless: nothing refers to what an attempt wrote that was not recorded.
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
  { job: accepted, request, sources: given, optimizer, writeId }: Task,
  attempt: Attempt,
  throttle: ProgressThrottle,
): Promise<Made> {
  const onProgress = (progress: Progress): void => throttle.report(progress);
  const context = { blobs, scratchDir, onProgress, signal: attempt.signal };
  const writer = new ContentWriter(blobs, async () => writeId);
  const adapters: MadeAdapter[] = [];
  const job: JobRecord = { ...accepted };
  const sources: TaskSource[] = [...given];
  if ('source' in request && request.source) {
    const { files, imported } = await transfers.fetch(request.source, context);
    const written = await adapterFiles.write(files, writer);
    const id = newAdapterId(Date.now());
    const fetched = {
      ...written,
      id,
      name: nameOfSource(request.source) ?? nameOfBase(written.described.base_model),
      parentId: null,
    };
    adapters.push(fetched);
    job.import = { adapter_id: id, ...imported };
    sources.push(sourceOf(fetched));
  }
  if (request.kind === 'import' || request.kind === 'export') {
    if (request.kind === 'export') job.deliveries = [await transfers.bring(request.to, sources[0]!, context)];
    throttle.flush();
    return { job: transferred(job, attempt), adapters, files: [], totals: NOTHING_COMPUTED };
  }

  const known: SourceFiles[] = [];
  for (const source of sources) known.push(await adapterFiles.local(source, scratchDir));
  const outcome = await work({
    jobId: job.id,
    request: workOf(request, job.import?.adapter_id),
    sources: new Map(known.map((source) => [source.id, source])),
    optimizerPath: optimizer && (await localFile(blobs, optimizer, scratchDir)),
    scratchDir,
    onProgress,
    signal: attempt.signal,
  });
  if (attempt.signal.aborted)
    throw new AppError('CANCELLED', 'The job was stopped before its results were stored.');

  const storing = performance.now();
  // A sum of several adapters has no one parent; its report and its metadata name them all.
  const parentId = sources.length === 1 ? sources[0]!.id : null;
  const names = sources.map(({ name }) => name);
  const results: Pick<TaskSource, 'id' | 'files'>[] = [];
  for (const { files, result } of outcome.targets) {
    if (files) {
      const written = await adapterFiles.write(files, writer);
      const id = newAdapterId(Date.now());
      const adapter = { ...written, id, name: nameOfResult(names, result.rank), parentId };
      adapters.push(adapter);
      results.push(sourceOf(adapter));
    } else results.push(sources[0]!);
  }
  let storeSeconds = (performance.now() - storing) / 1000;
  const brought = await bringResults(
    ('deliver' in request && request.deliver) || [],
    ({ target, to }) => transfers.bring(to, results[target]!, context),
    attempt,
  );
  throttle.flush();

  const keeping = performance.now();
  const training = outcome.targets.flatMap(({ extra }) => extra);
  const files: Made['files'][number][] = [];
  for (const file of training) files.push({ ...(await writer.write(file)), role: 'training' });
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
  files.push({ ...(await writer.write(reportFile(report))), role: 'report' });
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
  return { job: ended, adapters, files, totals: { modules, bytesRead, bytesWritten } };
}

/** An adapter that was made or fetched here, as one that was told. */
const sourceOf = ({ id, name, described, files }: MadeAdapter): TaskSource => ({
  id,
  name,
  sha256: described.sha256,
  base_model: described.base_model,
  files: files.map(({ inline, writtenAs, ...file }) => ({
    ...file,
    content: writtenAs ?? `${id}-${file.name}`,
    inline: inline ?? null,
  })),
});

function reportFile(report: Report): NewFile {
  const data = Buffer.from(JSON.stringify(report));
  return { name: 'report', sha256: hash('sha256', data), bytes: data.byteLength, data };
}

/** Those of one tenant, in the storage. */
export const adapterFilesIn = (blobs: BlobStore): AdapterFiles => ({
  async write(files, writer) {
    const described = await describeAdapter(files);
    const written: WrittenFile[] = [];
    for (const [index, { path }] of inRecordOrder(files).entries())
      written.push(await writer.write({ ...described.files[index]!, path }));
    return { described, files: written };
  },
  async local({ id, sha256, base_model, files }, folder) {
    const { bytes } = weightsOf({ files });
    return { id, sha256, base_model, bytes, ...(await localFiles(blobs, files, folder)) };
  },
});

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
