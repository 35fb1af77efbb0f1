import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterRecord } from '../contract/adapter.ts';
import { JOB_PHASES, type JobRecord, type SucceededResult } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import { uploadAdapter } from './adapter-upload.ts';
import { CommandError, UsageError } from './command-error.ts';
import {
  type Engine,
  type EngineContext,
  type EngineOutcome,
  type EngineTarget,
  type EngineTask,
  jobRequest,
  type ResultFile,
} from './engine.ts';
import { isPlace } from './place.ts';
import { type ExpectedFile, ServerClient } from './server-client.ts';

/**
 * Pauses between two requests for the state of a job: small adapters take a fraction of a second, large ones minutes,
 * so the pause grows.
 */
const FIRST_POLL_MS = 100;
const MAX_POLL_MS = 2000;
const POLL_GROWTH = 1.3;

/** A user who interrupts a command does not want to wait. */
const CANCEL_TIMEOUT_MS = 3_000;

/** An engine on a server: adapters are uploaded, the job is watched, and its results are downloaded and verified. */
export class RemoteEngine implements Engine {
  readonly steps: readonly string[] = [
    'upload',
    'waiting',
    ...JOB_PHASES.filter((phase) => phase !== 'done'),
    'download',
  ];
  /** The server queues the jobs; this number covers the time between them. */
  readonly tasksAtOnce = 4;
  readonly #server: string;
  readonly #key: string | undefined;

  /** @param server its URL without a trailing slash */
  constructor(server: string, key: string | undefined) {
    this.#server = server;
    this.#key = key;
  }

  /**
   * Only checks what is independent of the server, which may know more profiles.
   * @throws UsageError for a merge of adapters at URLs
   */
  check({ sources }: Pick<EngineTask, 'sources'>): void {
    const place = sources.find(({ folder }) => isPlace(folder))?.folder;
    if (place !== undefined && sources.length > 1)
      throw new UsageError(`${place} cannot be merged directly: import it first, or use a folder`);
  }

  async run(task: EngineTask, context: EngineContext): Promise<EngineOutcome> {
    const client = new ServerClient(this.#server, this.#key, context.signal);
    const uploaded = new Map<string, string>();
    for (const { folder } of task.sources) {
      if (!isPlace(folder) && !uploaded.has(folder))
        uploaded.set(folder, (await upload(client, folder, context)).id);
    }
    const request = JSON.stringify(requestOf(task, uploaded));
    const accepted = await client.json<JobRecord>('/v1/jobs', () => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: request,
    }));
    const { results, deliveries } = await followed(client, accepted, context).catch(
      async (error: unknown) => {
        if (context.signal.aborted) await this.#cancel(accepted.id);
        throw error;
      },
    );
    const report = await client.json<Report>(`/v1/jobs/${accepted.id}/report`);
    const targets: EngineTarget[] = [];
    for (const [index, result] of results.entries()) {
      if (result.state === 'failed') targets.push({ state: 'failed', error: result.error });
      else {
        const isDelivered = task.deliver !== undefined;
        const files = isDelivered ? [] : await resultFiles(client, accepted.id, result, index, context);
        targets.push({ state: 'succeeded', result, files });
      }
    }
    return { report, targets, deliveries };
  }

  async close(): Promise<void> {}

  /** Cancels the job of an interrupted command; if the server does not answer now, the job continues there. */
  async #cancel(jobId: string): Promise<void> {
    const client = new ServerClient(this.#server, this.#key, AbortSignal.timeout(CANCEL_TIMEOUT_MS));
    await client.json(`/v1/jobs/${jobId}/cancel`, () => ({ method: 'POST' })).catch(() => undefined);
  }
}

function upload(
  client: ServerClient,
  folder: string,
  { onProgress, signal }: EngineContext,
): Promise<AdapterRecord> {
  onProgress({ step: 'upload', done: 0, total: 0 });
  return uploadAdapter(client, folder, (done, total) => onProgress({ step: 'upload', done, total }), signal);
}

/** The task as a request to the API, with the options that only a server has. */
function requestOf(task: EngineTask, uploaded: ReadonlyMap<string, string>): object {
  const [first] = task.sources;
  const request = jobRequest(
    task,
    task.sources.map(({ folder }) => uploaded.get(folder) ?? ''),
  );
  return {
    ...request,
    // The location to fetch from, instead of an adapter in the service.
    ...(first && isPlace(first.folder) && { adapter_id: undefined, source: first.folder }),
    ...(task.results && { results: task.results }),
    ...(task.deliver !== undefined && { deliver: task.deliver }),
  };
}

/** Waits until a job has succeeded, at least in part. @throws CommandError with the job's own code if it has not */
async function followed(
  client: ServerClient,
  accepted: JobRecord,
  { onProgress, signal }: EngineContext,
): Promise<JobRecord> {
  let job = accepted;
  for (let pollMs = FIRST_POLL_MS; job.state === 'queued' || job.state === 'active'; ) {
    const { phase, done, total } = job.progress;
    onProgress({ step: phase, done, total });
    await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    pollMs = Math.min(pollMs * POLL_GROWTH, MAX_POLL_MS);
    job = await client.json<JobRecord>(`/v1/jobs/${accepted.id}`);
  }
  if (job.state === 'succeeded' || job.state === 'partial') return job;
  const { code = 'CANCELLED', detail = `Job ${job.id} was ${job.state}.`, context } = job.error ?? {};
  throw new CommandError(code, detail, { job_id: job.id, ...context });
}

/** Downloads the files of a result into a folder of its own, because files of several results have the same names. */
export async function resultFiles(
  client: ServerClient,
  jobId: string,
  { adapter_id, training }: SucceededResult,
  index: number,
  context: EngineContext,
): Promise<ResultFile[]> {
  const to = { ...context, workDir: join(context.workDir, `download-${index}`) };
  const adapter = await client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`);
  const files = await downloadAll(client, `/v1/adapters/${adapter_id}/files`, adapter.files, to);
  const extra = await downloadAll(client, `/v1/jobs/${jobId}/artifacts`, training?.files ?? [], to);
  return [...files, ...extra];
}

async function downloadAll(
  client: ServerClient,
  from: string,
  expected: readonly ExpectedFile[],
  { workDir, onProgress }: EngineContext,
): Promise<ResultFile[]> {
  await mkdir(workDir, { recursive: true });
  const total = expected.reduce((sum, { bytes }) => sum + bytes, 0);
  const files: ResultFile[] = [];
  let before = 0;
  for (const file of expected) {
    const { name, bytes, sha256 } = file;
    // The server chooses the names of the files, and no file may be written outside the folder.
    if (name.includes('/') || name.startsWith('.')) {
      throw new CommandError(
        'NOT_THE_SERVICE',
        `The server lists a file ${JSON.stringify(name)}, whose name leads out of its folder or is hidden.`,
      );
    }
    const path = join(workDir, name);
    const start = before;
    await client.download(`${from}/${encodeURIComponent(name)}`, path, file, (done) =>
      onProgress({ step: 'download', done: start + done, total }),
    );
    before += bytes;
    files.push({ name, path, sha256, bytes });
  }
  return files;
}
