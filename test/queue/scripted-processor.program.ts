/** The real compute process, except for the work, which the test scripts. */
import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxedJob } from 'bullmq';
import { loadConfig } from '../../src/app/config.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { exitOnUncaught, exitWithParent } from '../../src/queue/compute/process-end.ts';
import { type RunJobResult, runJob } from '../../src/queue/compute/run-job.ts';
import { encodeError } from '../../src/queue/error-codec.ts';
import type { TaskData } from '../../src/queue/job-types.ts';
import type { JobOutcome } from '../../src/squeeze/job-context.ts';
import type { RequestInput } from '../../src/squeeze/run-request.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { SAMPLE_FACTS, SAMPLE_FILES } from '../resources/adapters/sample-adapter.ts';
import { PROGRESS_TOTAL, scriptedOutcome } from './scripted-outcome.ts';

exitOnUncaught();
const scriptDir = process.env.SCRIPT_DIR!;
const blobs = await DiskStore.open(loadConfig().storageDir);
const onScratch = exitWithParent();

async function step(jobId: string, signal: AbortSignal): Promise<string> {
  const log = join(scriptDir, `${jobId}.log`);
  await appendFile(log, `${process.pid}\n`);
  const attempts = (await readFile(log, 'utf8')).split('\n').length - 1;
  const script = join(scriptDir, `${jobId}.json`);
  while (!existsSync(script)) {
    if (signal.aborted) return 'hang';
    await sleep(20);
  }
  const steps = JSON.parse(await readFile(script, 'utf8')) as string[];
  return steps[attempts - 1] ?? 'succeed';
}

async function isReleased(jobId: string): Promise<void> {
  while (!existsSync(join(scriptDir, `${jobId}.go`))) await sleep(20);
}

const otherIsAway = () => new AppError('OUTBOUND_FAILED', 'The remote server is away.', { needed_bytes: 10 });

async function work(jobId: string, input: RequestInput): Promise<JobOutcome> {
  await writeFile(join(input.scratchDir, 'half-written'), 'x');
  switch (await step(jobId, input.signal)) {
    case 'hang':
      while (!input.signal.aborted) await sleep(20);
      await writeFile(join(scriptDir, `${jobId}.stopped`), '');
      throw new AppError('CANCELLED', 'The job was stopped.');
    case 'wait':
      input.onProgress({ phase: 'gram', done: 1, total: 3, module: 'm1' });
      await isReleased(jobId);
      input.onProgress({ phase: 'core', done: 3, total: 3, module: 'm3' });
      break;
    case 'permanent':
      input.onProgress({ phase: 'gram', done: 1, total: 3, module: 'm1' });
      throw new AppError('NON_FINITE_WEIGHTS', 'Tensor q_proj holds NaN.', { tensor: 'q_proj', index: 7 });
    case 'wait-transient':
      await isReleased(jobId);
      throw otherIsAway();
    case 'transient':
      throw otherIsAway();
    case 'storage':
      throw new AppError('STORAGE_FAILED', 'The storage could not read x (SlowDown, HTTP 503).', {
        operation: 'read',
        failure: 'SlowDown',
      });
    case 'lost':
      throw new AppError('STORAGE_FAILED', 'The storage could not read x (NoSuchKey, HTTP 404).', {
        operation: 'read',
        failure: 'NoSuchKey',
      });
    case 'throw':
      throw new RangeError('a mistake of ours');
    case 'exit':
      process.exit(3);
      break;
    case 'uncaught':
      setImmediate(() => {
        throw new Error('nobody caught this');
      });
      await sleep(60_000);
      break;
    case 'progress':
      for (let done = 0; done <= PROGRESS_TOTAL; done++) {
        input.onProgress({ phase: 'gram', done, total: PROGRESS_TOTAL, module: `m${done}` });
      }
      input.onProgress({ phase: 'core', done: 1, total: PROGRESS_TOTAL, module: 'm1' });
      while (!input.signal.aborted) await sleep(20);
      break;
  }
  return scriptedOutcome(input);
}

export default async function processor(
  job: SandboxedJob<TaskData>,
  _token: string,
  signal: AbortSignal,
): Promise<RunJobResult> {
  const { task } = job.data;
  try {
    return await runJob(
      {
        blobs,
        transfers: {} as never,
        // Set by the first of its jobs.
        work: (input) => work(task.jobs[0]!, input),
        onScratch,
        adapterFiles: {
          write: async () => ({ description: SAMPLE_FACTS, files: SAMPLE_FILES }),
          local: async ({ id }) => ({
            ...{ id, sha256: 'aa', bytes: 200, base_model: null },
            weightsPath: '/none',
            configBytes: new Uint8Array(),
          }),
        },
      },
      task,
      {
        begunMs: job.data.begunMs,
        signal,
        onProgress: (progress) => void job.updateProgress(progress),
      },
    );
  } catch (error) {
    throw encodeError(error);
  }
}
