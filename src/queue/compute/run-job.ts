import { hash } from 'node:crypto';
import type { BackendEvent } from '../../backend-calls.ts';
import type { Progress } from '../../contract/job.ts';
import type { WorkRequest } from '../../contract/job-request.ts';
import type { Report } from '../../contract/report.ts';
import { AppError, jobFailure, toAppError } from '../../errors/app-error.ts';
import { nameOfSource } from '../../resources/adapters/default-name.ts';
import { describeAdapter, inRecordOrder } from '../../resources/adapters/describe-adapter.ts';
import { localFiles, weightsOf } from '../../resources/adapters/files.ts';
import {
  ContentWriter,
  localFile,
  type NewFile,
  type WrittenFile,
} from '../../resources/contents/content-files.ts';
import type {
  AdapterOutcome,
  DeliveryOutcome,
  ExecutionOutcome,
  ExecutionTotals,
  WorkOutcome,
} from '../../resources/jobs/executions/execution-outcome.ts';
import { withPlaceholders } from '../../resources/jobs/executions/report-ids.ts';
import type {
  DeliveryInput,
  ExecutionInput,
  ExecutionTask,
  FetchInput,
  TaskSource,
  WorkInput,
} from '../../resources/jobs/executions/task.ts';
import type { JobOutcome, OutputFile, SourceFiles } from '../../squeeze/job-context.ts';
import type { RequestInput } from '../../squeeze/run-request.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { removeScratch } from '../../storage/scratch.ts';
import { isTransientStorageError } from '../../storage/storage-error.ts';
import { machineMs } from '../job-types.ts';
import { ProgressThrottle } from '../progress.ts';
import type { JobTransfers } from './job-transfers.ts';

const NOTHING_COMPUTED: ExecutionTotals = { modules: 0, bytesRead: 0, bytesWritten: 0 };

/** Messages of a compute process to its worker. */
export interface RunJobResult {
  readonly outcome: ExecutionOutcome;
  readonly totals: ExecutionTotals;
  /** The calls to the storage since the last report. */
  readonly calls?: readonly BackendEvent[];
}

export interface JobDeps {
  /** The storage, to read files and to write results. Records are written by the worker. */
  readonly blobs: BlobStore;
  /** Fetches and delivers adapters. */
  readonly transfers: Pick<JobTransfers, 'fetch' | 'deliver'>;
  /** Does the work of the request; see runRequest. */
  readonly work: (input: RequestInput) => Promise<JobOutcome>;
  /** Called with the folder of the attempt's files, and with undefined when it is removed. */
  readonly onScratch: (folder: string | undefined) => void;
  readonly adapterFiles: AdapterFileStore;
}

/** Reads and writes the files of adapters. All methods throw AppError STORAGE_*. */
export interface AdapterFileStore {
  /**
   * Describes the files of an adapter, and writes them.
   * @param license the license if it is known from elsewhere than these files
   */
  readonly write: (
    files: readonly OutputFile[],
    writer: ContentWriter,
    license?: string,
  ) => Promise<AdapterOutcome>;
  /** Makes the files of an adapter local; small ones are placed in this folder. */
  readonly local: (source: TaskSource, folder: string) => Promise<SourceFiles>;
}

/** Stops an attempt, and reports its progress. */
export interface Attempt {
  /** The start of the attempt, by `machineMs`. */
  readonly begunMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** The parts that all steps need. */
interface StepContext {
  readonly deps: JobDeps;
  readonly task: ExecutionTask;
  readonly attempt: Attempt;
  readonly scratchDir: string;
  readonly onProgress: (progress: Progress) => void;
  readonly writer: ContentWriter;
}

/**
 * Runs a step of a job: from the worker's input to the data that the worker has to record. All bytes are written
 * before this returns. Repeating it is harmless: no record refers to the bytes of an attempt that was not recorded.
 * @throws AppError
 */
export async function runJob(deps: JobDeps, task: ExecutionTask, attempt: Attempt): Promise<RunJobResult> {
  const scratchDir = await deps.blobs.makeScratch();
  deps.onScratch(scratchDir);
  const throttle = new ProgressThrottle(attempt.onProgress);
  const onProgress = (progress: Progress): void => throttle.report(progress);
  const writer = new ContentWriter(deps.blobs, async () => task.writeId);
  try {
    const context = { deps, task, attempt, scratchDir, onProgress, writer };
    const done = await runStep(context, task.input);
    throttle.finish();
    return done;
  } catch (error) {
    // The phase in which it failed is reported, even if it failed early.
    throttle.flush();
    throw error;
  } finally {
    throttle.close();
    await removeScratch(scratchDir);
    deps.onScratch(undefined);
  }
}

async function runStep(context: StepContext, input: ExecutionInput): Promise<RunJobResult> {
  if (input.step === 'work') return work(context, input);
  const outcome = input.step === 'fetch' ? await fetchAdapter(context, input) : await deliver(context, input);
  return { outcome, totals: NOTHING_COMPUTED };
}

async function fetchAdapter(context: StepContext, { source, access }: FetchInput): Promise<ExecutionOutcome> {
  const { deps, writer } = context;
  const { files, license, imported } = await deps.transfers.fetch(
    { source, access },
    transferContext(context),
  );
  const adapter = await deps.adapterFiles.write(files, writer, license);
  return { step: 'fetch', name: nameOfSource(source), adapter, imported };
}

async function work(context: StepContext, { request, sources, optimizer }: WorkInput): Promise<RunJobResult> {
  const { deps, attempt, scratchDir, onProgress, writer } = context;
  const { blobs, adapterFiles } = deps;
  const known: SourceFiles[] = [];
  for (const source of sources) known.push(await adapterFiles.local(source, scratchDir));
  const computed = await deps.work({
    // The sources are the adapters of the job, or the one that was fetched.
    request: request as WorkRequest,
    sources: new Map(known.map((source) => [source.id, source])),
    optimizerPath: optimizer && (await localFile(blobs, optimizer, scratchDir)),
    scratchDir,
    onProgress,
    signal: attempt.signal,
  });
  if (attempt.signal.aborted)
    throw new AppError('CANCELLED', 'The job was stopped before its results were stored.');

  const storing = performance.now();
  const targets: WorkOutcome['targets'][number][] = [];
  const files: WorkOutcome['files'][number][] = [];
  for (const target of computed.targets) {
    if (target.state === 'failed') {
      targets.push({ result: target, adapter: null });
      continue;
    }
    const adapter = target.files && (await adapterFiles.write(target.files, writer));
    targets.push({ result: target.result, adapter });
    for (const file of target.extra) files.push({ ...(await writer.write(file)), role: 'training' });
  }
  const timings = {
    ...computed.timings,
    write: computed.timings.write + (performance.now() - storing) / 1000,
    total: (machineMs() - attempt.begunMs) / 1000,
  };
  // Written here and not by the worker: the report has thousands of numbers, and other jobs wait for that process.
  if (computed.report) {
    const report = reportFile(withPlaceholders({ ...computed.report, timings }));
    files.push({ ...(await writer.write(report)), role: 'report' });
  }
  const { modules, provider, bytesRead, bytesWritten } = computed;
  const outcome: WorkOutcome = { step: 'work', targets, files, modules, timings, provider };
  return { outcome, totals: { modules, bytesRead, bytesWritten } };
}

/** Delivers one adapter after the other. If one fails, the others are still tried. */
async function deliver(context: StepContext, { deliveries }: DeliveryInput): Promise<DeliveryOutcome> {
  const { deps, task, attempt } = context;
  const delivered: DeliveryOutcome['delivered'][number][] = [];
  let again: DeliveryOutcome['again'] = null;
  for (const { index, ...delivery } of deliveries) {
    try {
      const outcome = await deps.transfers.deliver(delivery, transferContext(context));
      delivered.push({ index, outcome });
    } catch (thrown) {
      const error = toAppError(thrown);
      // It is not known here whether a failure of the storage will count as an attempt.
      if (error.code === 'CANCELLED' || attempt.signal.aborted || isTransientStorageError(error)) throw error;
      const failure = jobFailure(error);
      if (error.retryable && !task.isLast) again = failure;
      else delivered.push({ index, outcome: failure });
    }
  }
  return { step: 'deliver', delivered, again };
}

const transferContext = ({ deps: { blobs }, scratchDir, onProgress, attempt: { signal } }: StepContext) => ({
  ...{ blobs, scratchDir, onProgress, signal },
});

function reportFile(report: Report): NewFile {
  const data = Buffer.from(JSON.stringify(report));
  return { name: 'report', sha256: hash('sha256', data), bytes: data.byteLength, data };
}

/** The files of the adapters of one tenant, in the storage. */
export const adapterFilesIn = (blobs: BlobStore): AdapterFileStore => ({
  async write(files, writer, license) {
    const description = await describeAdapter(files, license);
    const written: WrittenFile[] = [];
    for (const [index, { path }] of inRecordOrder(files).entries())
      written.push(await writer.write({ ...description.files[index]!, path }));
    return { description, files: written };
  },
  async local({ files, ...source }, folder) {
    const { bytes } = weightsOf({ files });
    return { ...source, bytes, ...(await localFiles(blobs, files, folder)) };
  },
});
