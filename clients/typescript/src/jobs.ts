import { type ArtifactOptions, listArtifacts, saveArtifacts, saveResults } from './artifacts.ts';
import { sleep, withTimeout } from './deadline.ts';
import { type DownloadOptions, downloadBlob } from './downloads.ts';
import { JobFailedError } from './errors.ts';
import { dataOf, type EventOptions, eventsOf, type StreamEvent } from './event-stream.ts';
import { listAll } from './list.ts';
import { fillPath, jsonOf, type Transport } from './transport.ts';
import type {
  Artifact,
  CallOptions,
  CreateOptions,
  Figure,
  Job,
  JobChange,
  JobProgress,
  JobRequest,
  Progress,
  QueryOf,
  Report,
} from './types.ts';

/** Events of a job's stream: the job in its state at that time, and its progress. */
export type JobEvent = StreamEvent<'state', Job> | StreamEvent<'progress', JobProgress>;

export interface CreateJobOptions extends CreateOptions {
  /** How many seconds the service waits for the job before it answers. */
  readonly waitSeconds?: number | undefined;
}

export interface WaitOptions extends CallOptions {
  /** Called with the progress of the job, for which `wait` follows its events. */
  readonly onProgress?: ((progress: Progress, job: Job) => void) | undefined;
  /** `false` also returns a job that failed or was cancelled. */
  readonly throwOnFailure?: boolean | undefined;
}

const JOBS = '/v1/jobs';
const JOB = '/v1/jobs/{id}';
/** The longest time that one request is left open: gateways often end requests after a minute. */
export const WAIT_SECONDS = 30;
const JSON_BODY = { 'content-type': 'application/json' };

/** The id in the answer to a dry run; no record has it. */
const DRY_RUN_ID = 'dry_run';

/** A record that ends and can be waited for. */
interface Ending {
  readonly state: string;
  /** A cancelled batch has this only after its last job has ended. */
  readonly finished_at?: string | null;
  /** Deliveries of a job. They continue after its end, or if they are requested again. */
  readonly deliveries?: readonly { readonly state: string }[];
}

const isFinal = ({ state, finished_at }: Ending): boolean =>
  state !== 'queued' && state !== 'active' && finished_at !== null;

export const hasEnded = (record: Ending): boolean =>
  isFinal(record) && !record.deliveries?.some(({ state }) => state === 'pending');

export const preferWait = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { prefer: `wait=${seconds}` };

/** Jobs: squeezes, analyses, merges, imports and exports. */
export class Jobs {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates a job. With `dry_run` nothing is done: the answer has no id of its own, and a `forecast`. */
  create(request: JobRequest, { waitSeconds, ...options }: CreateJobOptions = {}): Promise<Job> {
    const headers = { ...JSON_BODY, ...preferWait(waitSeconds) };
    const call = { ...options, method: 'POST', path: JOBS, headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(request) }, jsonOf<Job>);
  }

  /** @param options with `waitSeconds` the service answers when the job has ended, or after that time */
  get(id: string, { waitSeconds, ...options }: CallOptions & { waitSeconds?: number } = {}): Promise<Job> {
    const headers = preferWait(waitSeconds);
    return this.#transport.call(
      { ...options, method: 'GET', path: fillPath(JOB, { id }), headers },
      jsonOf<Job>,
    );
  }

  /**
   * All jobs that match the query, the newest first: `for await (const job of client.jobs.list({ state: ['failed']
   * }))`.
   */
  list(query: QueryOf<'/v1/jobs'> = {}, options: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    return listAll<Job>(this.#transport, JOBS, query, options);
  }

  /**
   * Waits until a job and its deliveries have ended. The answer to a dry run is returned unchanged.
   * @param job its id, or a previous answer
   * @throws JobFailedError if it failed or was cancelled; LoraSqueezeError; the signal's reason if it is aborted
   */
  async wait(job: string | Job, options: WaitOptions = {}): Promise<Job> {
    const { onProgress, throwOnFailure = true } = options;
    const ended = await withTimeout(options, async (signal) => {
      if (typeof job !== 'string' && (hasEnded(job) || job.id === DRY_RUN_ID)) return job;
      const id = typeof job === 'string' ? job : job.id;
      return onProgress
        ? this.#follow(id, onProgress, signal)
        : untilEnded(signal, (rest) => this.get(id, rest));
    });
    if (throwOnFailure && (ended.state === 'failed' || ended.state === 'cancelled'))
      throw new JobFailedError(ended);
    return ended;
  }

  /** States and progress of a job until it has ended. Reconnects after a broken connection. */
  async *events(id: string, options: EventOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    for await (const raw of eventsOf(
      this.#transport,
      fillPath('/v1/jobs/{id}/events', { id }),
      {},
      options,
    )) {
      const event = { id: raw.id, event: raw.event, data: dataOf(raw) } as JobEvent;
      yield event;
      if (event.event === 'state' && isFinal(event.data)) return;
    }
  }

  cancel(id: string, options: CreateOptions = {}): Promise<Job> {
    const path = fillPath('/v1/jobs/{id}/cancel', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Job>);
  }

  /** @returns a new job, with the settings of this one */
  retry(id: string, options: CreateOptions = {}): Promise<Job> {
    const path = fillPath('/v1/jobs/{id}/retry', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Job>);
  }

  /** Repeats failed deliveries; use `wait` for the outcome. */
  retryDeliveries(id: string, options: CreateOptions = {}): Promise<Job> {
    const path = fillPath('/v1/jobs/{id}/deliveries/retry', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Job>);
  }

  /** Changes the name or the labels; a name of null removes the name. */
  update(id: string, change: JobChange, options: CallOptions = {}): Promise<Job> {
    const call = { ...options, method: 'PATCH', path: fillPath(JOB, { id }), headers: JSON_BODY } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(change) }, jsonOf<Job>);
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.call(
      { ...options, method: 'DELETE', path: fillPath(JOB, { id }) },
      () => undefined,
    );
  }

  /** Spectra, ranks and errors of every module. */
  report(id: string, options: CallOptions = {}): Promise<Report> {
    const path = fillPath('/v1/jobs/{id}/report', { id });
    return this.#transport.call({ ...options, method: 'GET', path }, jsonOf<Report>);
  }

  /** The report as a page that loads nothing else. */
  reportHtml(id: string, options: CallOptions = {}): Promise<string> {
    const path = fillPath('/v1/jobs/{id}/report.html', { id });
    return this.#transport.call({ ...options, method: 'GET', path }, (response) => response.text());
  }

  /** A figure of the report as SVG. */
  async reportSvg(id: string, options: CallOptions & { readonly figure?: Figure } = {}): Promise<string> {
    return (await this.#figure('/v1/jobs/{id}/report.svg', id, options)).text();
  }

  /** The same figure as PNG. */
  reportPng(id: string, options: CallOptions & { readonly figure?: Figure } = {}): Promise<Blob> {
    return this.#figure('/v1/jobs/{id}/report.png', id, options);
  }

  /**
   * In Node: saves the adapters that a job made to a folder, which is created. If there are several targets, each
   * gets a subfolder named after its position: 0, 1, …
   * @returns the paths of their files
   */
  async download(id: string, folder: string, options: DownloadOptions = {}): Promise<string[]> {
    return withTimeout(options, async (signal) => {
      const job = await this.get(id, { signal });
      return saveResults(this.#transport, job, folder, { ...options, signal });
    });
  }

  /**
   * All files that a job produced: report.json, report.html, results/0/adapter_model.safetensors, … There are none before
   * the job has ended.
   */
  artifacts(id: string, options: CallOptions = {}): AsyncGenerator<Artifact, void, undefined> {
    return listArtifacts(this.#transport, id, options);
  }

  /** One of these files, checked against its SHA-256. @throws LoraSqueezeError, also DIGEST_MISMATCH */
  artifact(id: string, path: string, options: CallOptions = {}): Promise<Blob> {
    const file = { name: path, path: fillPath('/v1/jobs/{id}/artifacts/{path}', { id, path }) };
    return downloadBlob(this.#transport, file, options);
  }

  /**
   * In Node: saves all files that a job produced, or those with the given paths, to a folder, which is created, in their
   * tree of folders.
   * @returns their paths
   * @throws LoraSqueezeError FILE_MISSING for a path that no artifact has, DIGEST_MISMATCH; errors of the file system
   */
  async downloadArtifacts(id: string, folder: string, options: ArtifactOptions = {}): Promise<string[]> {
    return withTimeout(options, (signal) =>
      saveArtifacts(this.#transport, id, folder, { ...options, signal }),
    );
  }

  #figure(
    path: string,
    id: string,
    { figure, ...options }: CallOptions & { readonly figure?: Figure },
  ): Promise<Blob> {
    const call = { ...options, method: 'GET', path: fillPath(path, { id }), query: { figure } } as const;
    return this.#transport.call(call, (response) => response.blob());
  }

  async #follow(
    id: string,
    onProgress: NonNullable<WaitOptions['onProgress']>,
    signal: AbortSignal,
  ): Promise<Job> {
    let job: Job | undefined;
    for await (const { event, data } of this.events(id, { signal })) {
      if (event === 'state') job = data;
      if (job) onProgress(event === 'state' ? data.progress : data, job);
    }
    signal.throwIfAborted();
    return job && hasEnded(job) ? job : untilEnded(signal, (rest) => this.get(id, rest));
  }
}

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2000;

/** Polls until something has ended. If the service answers early, the pauses get longer. */
export async function untilEnded<T extends Ending>(
  signal: AbortSignal,
  get: (options: { waitSeconds: number; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; ) {
    const askedAt = Date.now();
    const found = await get({ waitSeconds: WAIT_SECONDS, signal });
    if (hasEnded(found)) return found;
    if (Date.now() - askedAt >= MAX_PAUSE_MS) continue;
    await sleep(pauseMs, signal);
    pauseMs = Math.min(1.3 * pauseMs, MAX_PAUSE_MS);
  }
}
