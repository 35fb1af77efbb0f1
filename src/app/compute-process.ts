/**
 * The compute process: BullMQ forks it and gives it one job after another. It is the only process that loads ONNX
 * Runtime, and it is configured by the environment that its worker prepared. It knows of a job only what its worker
 * sends, and it writes files; records are written by the worker.
 */
import type { BackendEvent } from '../backend-calls.ts';
import { ComputePool } from '../compute/pool.ts';
import { SharedPool } from '../compute/shared-pool.ts';
import { toAppError } from '../errors/app-error.ts';
import { createLogger } from '../log.ts';
import { Outbound } from '../net/outbound.ts';
import { JobTransfers } from '../queue/compute/job-transfers.ts';
import { exitOnUncaught, exitWithParent, finishBeforeExit } from '../queue/compute/process-end.ts';
import { adapterFilesIn, type RunJobResult, runJob } from '../queue/compute/run-job.ts';
import { TracedAttempt } from '../queue/compute/traced-attempt.ts';
import { encodeError } from '../queue/error-codec.ts';
import { type ComputeJob, logIdsOf } from '../queue/job-types.ts';
import { failedWorkCode } from '../resources/jobs/executions/execution-outcome.ts';
import type { JobOutcome } from '../squeeze/job-context.ts';
import { type RequestInput, runRequest } from '../squeeze/run-request.ts';
import { warmUp } from '../squeeze/warm-up.ts';
import { openStore } from '../storage/open-store.ts';
import { removeScratch } from '../storage/scratch.ts';
import { openTracing } from '../tracing/tracing.ts';
import { PRODUCT } from '../version.ts';
import { computeSettings } from './compute-settings.ts';
import { collectGarbage } from './idle-collection.ts';
import { LiveSecrets } from './live-secrets.ts';
import { createSecretBox } from './secrets-key.ts';

/** The worker waits a second for an idle compute process to end. */
const FLUSH_MS = 800;

/** One attempt makes a few dozen calls; those of failed attempts are kept. */
const MAX_CALLS = 2_000;

exitOnUncaught();
const config = computeSettings();
const logger = createLogger(config.logLevel, { component: 'compute' });
/** Calls to the storage. They are sent to the worker with the next attempt that succeeds. */
let calls: BackendEvent[] = [];
const blobs = await openStore({
  ...config,
  observe: (call) => {
    if (calls.length < MAX_CALLS) calls.push(call);
  },
});
const deps = {
  onScratch: exitWithParent(),
  transfers: new JobTransfers({
    outbound: new Outbound(config.outbound),
    box: createSecretBox(new LiveSecrets(config.secrets)),
    hubEndpoint: config.hubEndpoint,
    hubToken: config.hubToken,
    maxUploadBytes: config.maxUploadBytes,
  }),
};

const tracing = await openTracing({
  ...config.tracing,
  version: PRODUCT.version,
  role: 'compute',
  onFailure: (message) => logger.warn({ reason: message }, 'traces cannot be sent'),
});
/** The current or the last attempt. It never fails. */
let lastAttempt: Promise<unknown> = Promise.resolve();
if (config.tracing.isOn) {
  finishBeforeExit(async () => {
    await lastAttempt;
    await tracing.close(FLUSH_MS);
  });
}

const pool = new SharedPool(() =>
  ComputePool.start(config.executionProvider, config.computeThreads, config.cudaMemoryBytes),
);

if (config.computeWarmUp) await warmUpPool();

/** Runs before BullMQ learns that this process is ready. If it fails, jobs report the reason. */
async function warmUpPool(): Promise<void> {
  let folder: string | undefined;
  try {
    folder = await blobs.makeScratch();
    const scratchDir = folder;
    deps.onScratch(scratchDir);
    await pool.use((running) => warmUp(running, scratchDir));
    await collectGarbage();
  } catch (error) {
    logger.warn({ err: error }, 'the warm-up of this compute process failed');
  } finally {
    if (folder) await removeScratch(folder);
    deps.onScratch(undefined);
    calls = [];
  }
}

/** BullMQ's entry point. */
export default function processor(
  job: ComputeJob,
  _token: string,
  signal: AbortSignal,
): Promise<RunJobResult> {
  const attempt = attemptAt(job, signal);
  lastAttempt = attempt.catch(() => undefined);
  return attempt;
}

async function workIn(traced: TracedAttempt, input: RequestInput): Promise<JobOutcome> {
  if (!pool.isStarted) traced.startsEngine();
  return pool.use((running) => traced.work(input, (request) => runRequest(request, running)));
}

async function attemptAt(job: ComputeJob, signal: AbortSignal): Promise<RunJobResult> {
  const { task } = job.data;
  const log = logger.child({ jobIds: task.jobs, ...logIdsOf(job), attempt: task.attempt });
  const traced = new TracedAttempt(tracing, job);
  log.debug('attempt started');
  try {
    const done = await runJob(
      { ...deps, blobs, adapterFiles: adapterFilesIn(blobs), work: (input) => workIn(traced, input) },
      task,
      {
        begunMs: job.data.begunMs,
        signal,
        // If the parent cannot be reached, it has died, which exitWithParent handles.
        onProgress: (progress) => void job.updateProgress(progress).catch(() => undefined),
      },
    );
    traced.end(failedWorkCode(done.outcome));
    log.debug('attempt ended');
    const sent = calls;
    calls = [];
    return { ...done, calls: sent };
  } catch (error) {
    traced.end(toAppError(error).code);
    log.debug({ err: error }, 'attempt failed');
    throw encodeError(error);
  } finally {
    // Not awaited, because a slow collector must not delay jobs.
    void tracing.flush(FLUSH_MS);
  }
}
