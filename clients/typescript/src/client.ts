import type { AdapterFiles, AdapterSource } from './adapter-files.ts';
import { Adapters } from './adapters.ts';
import { Batches } from './batches.ts';
import { Connections } from './connections.ts';
import type { components } from './contract.d.ts';
import { withTimeout } from './deadline.ts';
import { dataOf, type EventOptions, eventsOf, type StreamEvent } from './event-stream.ts';
import { Jobs, type WaitOptions } from './jobs.ts';
import { Runs } from './runs.ts';
import { Tenants } from './tenants.ts';
import {
  bodyOf,
  fillPath,
  formOf,
  jsonOf,
  type LoraSqueezeOptions,
  type Query,
  type RequestBody,
  Transport,
} from './transport.ts';
import type {
  AnalyzeRequest,
  CallOptions,
  Capabilities,
  Job,
  JobRequest,
  MergeRequest,
  Method,
  PathOf,
  QueryOf,
  Report,
  RequestOptions,
  ResponseOf,
  SqueezeRequest,
  Usage,
} from './types.ts';
import { Uploads } from './uploads.ts';
import { Workers } from './workers.ts';

/** An adapter: its id, a source from which the service imports it (`s3://…`, `hf://…`, `https://…`), or local files. */
export type JobSource = AdapterSource | { readonly adapter_id: string };

type Settings<R> = R extends unknown ? Omit<R, 'kind' | 'adapter_id' | 'source' | 'sources'> : never;
/** `dry_run` is not allowed, because the method returns the report of the finished job. */
type AnalyzeSettings = Omit<Settings<AnalyzeRequest>, 'dry_run'>;

type EventsOf<D> = D extends { readonly type: infer E extends string } ? StreamEvent<E, D> : never;

/**
 * Events of a tenant's stream: `data` as for webhooks, discriminated by `event`. `stream.open` comes first;
 * `stream.gap` reports that events are missing before it.
 */
export type TenantEvent = EventsOf<components['schemas']['StreamEventData']>;

const IS_ID = /^ad_[0-9a-z]+$/;
const IS_PLACE = /^(?:s3|hf|https?):\/\//;

/** A LoRA-Squeeze service. Every call throws LoraSqueezeError, or the reason of its signal. */
export class LoraSqueeze {
  readonly adapters: Adapters;
  readonly batches: Batches;
  readonly connections: Connections;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly tenants: Tenants;
  readonly uploads: Uploads;
  readonly workers: Workers;
  readonly #transport: Transport;

  /** @throws TypeError if baseUrl is not a URL */
  constructor(options: LoraSqueezeOptions) {
    this.#transport = new Transport(options);
    this.uploads = new Uploads(this.#transport);
    this.adapters = new Adapters(this.#transport, this.uploads);
    this.batches = new Batches(this.#transport);
    this.connections = new Connections(this.#transport);
    this.jobs = new Jobs(this.#transport);
    this.runs = new Runs(this.#transport);
    this.tenants = new Tenants(this.#transport);
    this.workers = new Workers(this.#transport);
  }

  /**
   * The records, limits, waiting jobs and past usage of your tenant; `tenant` names another one, for administrators.
   */
  usage(query: QueryOf<'/v1/usage'> = {}, options: CallOptions = {}): Promise<Usage> {
    return this.#transport.call({ ...options, method: 'GET', path: '/v1/usage', query }, jsonOf<Usage>);
  }

  /**
   * Squeezes an adapter to smaller ranks, and waits for the job. A local adapter is uploaded first. With `dry_run` no
   * job is created: the answer has a `forecast`.
   * @throws JobFailedError if no target succeeded
   */
  squeeze(source: JobSource, request: Settings<SqueezeRequest>, options: WaitOptions = {}): Promise<Job> {
    return this.#runJob(options, async (signal) => ({
      kind: 'squeeze',
      ...(await this.#resolveSource(source, signal)),
      ...request,
    }));
  }

  /** What every rank would cost and keep: the report of an analysis. @throws JobFailedError */
  async analyze(
    source: JobSource,
    request: AnalyzeSettings = {},
    options: WaitOptions = {},
  ): Promise<Report> {
    const { id } = await this.#runJob(options, async (signal) => ({
      kind: 'analyze',
      ...(await this.#resolveSource(source, signal)),
      ...request,
    }));
    return this.jobs.report(id, { signal: options.signal });
  }

  /** Adds adapters of one base model, each multiplied by its weight, and squeezes the sum. @throws JobFailedError */
  merge(
    sources: readonly { readonly source: JobSource; readonly weight?: number }[],
    request: Settings<MergeRequest>,
    options: WaitOptions = {},
  ): Promise<Job> {
    return this.#runJob(options, async (signal) => {
      const resolved = [];
      for (const { source, weight = 1 } of sources)
        resolved.push({ ...(await this.#resolveSource(source, signal)), weight });
      return { kind: 'merge', sources: resolved, ...request } as JobRequest;
    });
  }

  /**
   * The events of all jobs and batches of the tenant. Reconnects after a broken connection and continues where it
   * stopped.
   * @param query such as `{ types: ['batch.ended'], label: ['team:search'] }`
   */
  async *events(
    query: QueryOf<'/v1/events'> = {},
    options: EventOptions = {},
  ): AsyncGenerator<TenantEvent, void, undefined> {
    for await (const raw of eventsOf(this.#transport, '/v1/events', query, options))
      yield { id: raw.id, event: raw.event, data: dataOf(raw) } as TenantEvent;
  }

  /** What the service can do: formats with the options that conversions need, serving profiles, limits, the version. */
  capabilities(options: CallOptions = {}): Promise<Capabilities> {
    return this.#transport.call(
      { ...options, method: 'GET', path: '/v1/capabilities' },
      jsonOf<Capabilities>,
    );
  }

  /**
   * Any call of the contract, typed by its path: `client.request('GET', '/v1/jobs/{id}', { path: { id } })`.
   * @returns JSON as its type, text as a string, bytes as a Blob, undefined if there is no body
   */
  request<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...[options]: Record<never, never> extends RequestOptions<P, M>
      ? [RequestOptions<P, M>?]
      : [RequestOptions<P, M>]
  ): Promise<ResponseOf<P, M>> {
    const { path: parameters, body, form, content, headers, ...rest } = (options ?? {}) as AnyOptions;
    const isJson = body !== undefined;
    return this.#transport.call(
      {
        ...rest,
        method,
        path: fillPath(path as string, parameters),
        headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
        body: isJson ? JSON.stringify(body) : form ? formOf(form) : content,
        // A stream can be read only once, so it cannot be sent again.
        ...(content instanceof ReadableStream && { maxRetries: 0 }),
      },
      bodyOf,
    ) as Promise<ResponseOf<P, M>>;
  }

  async #runJob(
    { signal, timeoutMs, ...options }: WaitOptions,
    request: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<Job> {
    return withTimeout({ signal, timeoutMs }, async (ending) => {
      const job = await this.jobs.create((await request(ending)) as JobRequest, { signal: ending });
      return this.jobs.wait(job, { ...options, signal: ending });
    });
  }

  async #resolveSource(
    source: JobSource,
    signal: AbortSignal,
  ): Promise<{ adapter_id: string } | { source: string }> {
    if (typeof source === 'object' && 'adapter_id' in source) return { adapter_id: source.adapter_id };
    if (typeof source === 'string' && IS_ID.test(source)) return { adapter_id: source };
    if (typeof source === 'string' && IS_PLACE.test(source)) return { source };
    return { adapter_id: (await this.adapters.upload(source as string | AdapterFiles, { signal })).id };
  }
}

interface AnyOptions extends CallOptions {
  readonly idempotencyKey?: string;
  readonly path?: Readonly<Record<string, unknown>>;
  readonly query?: Query;
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, unknown>>;
  readonly content?: RequestBody;
  readonly headers?: Readonly<Record<string, string>>;
}
