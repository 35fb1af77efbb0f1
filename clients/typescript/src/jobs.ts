import { sleep, within } from './deadline.ts';
import { type DownloadOptions, savedFiles } from './downloads.ts';
import { JobFailedError } from './errors.ts';
import { dataOf, type EventOptions, eventsOf } from './event-stream.ts';
import { listed } from './list.ts';
import { filled, jsonOf, type Transport } from './transport.ts';
import type { CallOptions, CreateOptions, Job, JobProgress, JobRequest, QueryOf, Report } from './types.ts';

/** What the stream of a job tells. */
export type JobEvent =
  | { readonly id: string; readonly event: 'state'; readonly data: Job }
  | {
      readonly id: string;
      readonly event: 'progress';
      readonly data: JobProgress & { readonly attempt: number };
    };

export interface CreateJobOptions extends CreateOptions {
  /** How long the service waits for the job before it answers; seconds. */
  readonly waitSeconds?: number | undefined;
}

export interface WaitOptions extends CallOptions {
  /** Called as the job gets on: `wait` then listens to its events. */
  readonly onProgress?: ((progress: JobProgress, job: Job) => void) | undefined;
  /** `false` returns a job that failed or was cancelled, too. */
  readonly throwOnFailure?: boolean | undefined;
}

const JOBS = '/v1/jobs';
const JOB = '/v1/jobs/{id}';
/** As long as a request is left open at most: gateways often end them after a minute. */
export const WAIT_SECONDS = 30;
const JSON_BODY = { 'content-type': 'application/json' };

export const hasEnded = ({ state }: { readonly state: string }): boolean =>
  state !== 'queued' && state !== 'active';

export const preferWait = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { prefer: `wait=${seconds}` };

/** Jobs: squeezes, analyses, merges, imports and exports. */
export class Jobs {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(request: JobRequest, { waitSeconds, ...options }: CreateJobOptions = {}): Promise<Job> {
    const headers = { ...JSON_BODY, ...preferWait(waitSeconds) };
    const call = { ...options, method: 'POST', path: JOBS, headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(request) }, jsonOf<Job>);
  }

  /** @param options with `waitSeconds` the service answers when the job has ended, or after that time */
  get(id: string, { waitSeconds, ...options }: CallOptions & { waitSeconds?: number } = {}): Promise<Job> {
    const headers = preferWait(waitSeconds);
    return this.#transport.call(
      { ...options, method: 'GET', path: filled(JOB, { id }), headers },
      jsonOf<Job>,
    );
  }

  /** All that fit the query, the newest first: `for await (const job of client.jobs.list({ state: ['failed'] }))`. */
  list(query: QueryOf<'/v1/jobs'> = {}, options: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    return listed<Job>(this.#transport, JOBS, query, options);
  }

  /**
   * Waits until a job has ended.
   * @param job its id, or the job as it was answered
   * @throws JobFailedError when it failed or was cancelled; LoraSqueezeError; the signal's reason when it fires
   */
  async wait(job: string | Job, options: WaitOptions = {}): Promise<Job> {
    const { onProgress, throwOnFailure = true } = options;
    const ended = await within(options, async (signal) => {
      if (typeof job !== 'string' && hasEnded(job)) return job;
      const id = typeof job === 'string' ? job : job.id;
      return onProgress
        ? this.#followed(id, onProgress, signal)
        : untilEnded(signal, (rest) => this.get(id, rest));
    });
    if (throwOnFailure && (ended.state === 'failed' || ended.state === 'cancelled'))
      throw new JobFailedError(ended);
    return ended;
  }

  /** States and progress of a job until it has ended. A connection that breaks is made anew. */
  async *events(id: string, options: EventOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    for await (const raw of eventsOf(this.#transport, filled('/v1/jobs/{id}/events', { id }), {}, options)) {
      const event = { id: raw.id, event: raw.event, data: dataOf(raw) } as JobEvent;
      yield event;
      if (event.event === 'state' && hasEnded(event.data)) return;
    }
  }

  cancel(id: string, options: CreateOptions = {}): Promise<Job> {
    const path = filled('/v1/jobs/{id}/cancel', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Job>);
  }

  /** @returns a new job, with the settings of this one */
  retry(id: string, options: CreateOptions = {}): Promise<Job> {
    const path = filled('/v1/jobs/{id}/retry', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Job>);
  }

  /** The labels take the place of those before. */
  update(
    id: string,
    change: { readonly labels: Readonly<Record<string, string>> },
    options: CallOptions = {},
  ): Promise<Job> {
    const call = { ...options, method: 'PATCH', path: filled(JOB, { id }), headers: JSON_BODY } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(change) }, jsonOf<Job>);
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.call({ ...options, method: 'DELETE', path: filled(JOB, { id }) }, () => undefined);
  }

  /** Spectra, ranks and errors of every module. */
  report(id: string, options: CallOptions = {}): Promise<Report> {
    const path = filled('/v1/jobs/{id}/report', { id });
    return this.#transport.call({ ...options, method: 'GET', path }, jsonOf<Report>);
  }

  /** The report as a page, which needs nothing from elsewhere. */
  reportHtml(id: string, options: CallOptions = {}): Promise<string> {
    const path = filled('/v1/jobs/{id}/report.html', { id });
    return this.#transport.call({ ...options, method: 'GET', path }, (response) => response.text());
  }

  /**
   * In Node: saves the files that a job has besides its adapters (projections.safetensors, optimizer.safetensors).
   * @returns their paths
   */
  async downloadFiles(job: Job, folder: string, options: DownloadOptions = {}): Promise<string[]> {
    const files = job.results.flatMap(
      (result) => (result.state === 'succeeded' && result.training?.files) || [],
    );
    const path = (name: string): string =>
      filled('/v1/jobs/{id}/artifacts/{path}', { id: job.id, path: name });
    return within(options, (signal) =>
      savedFiles(
        this.#transport,
        files.map((file) => ({ ...file, path: path(file.name) })),
        folder,
        { ...options, signal },
      ),
    );
  }

  async #followed(
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
    return job && hasEnded(job) ? job : this.get(id, { signal });
  }
}

const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 2000;

/** Asks until something has ended. Where the service answers before that, the pauses get longer. */
export async function untilEnded<T extends { readonly state: string }>(
  signal: AbortSignal,
  get: (options: { waitSeconds: number; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; ) {
    const askedAt = Date.now();
    const found = await get({ waitSeconds: WAIT_SECONDS, signal });
    if (hasEnded(found)) return found;
    if (Date.now() - askedAt >= MOST_PAUSE_MS) continue;
    await sleep(pauseMs, signal);
    pauseMs = Math.min(1.3 * pauseMs, MOST_PAUSE_MS);
  }
}
