import { sleep, withTimeout } from './deadline.ts';
import { errorOf, LoraSqueezeError } from './errors.ts';
import type { CreateOptions, Method } from './types.ts';

/** The address of the service and the settings of all calls. */
export interface LoraSqueezeOptions {
  /**
   * For example `https://lora.example.com`; a path in it, such as that of a gateway, is put before the paths of the
   * API.
   */
  readonly baseUrl: string;
  /** The key, or a function that returns the current one; not needed if the service does not require keys. */
  readonly key?: string | (() => string | Promise<string>) | undefined;
  /**
   * The tenant on whose records every call acts, which requires a key with the scope `admin`; default: that of the
   * key.
   */
  readonly tenant?: string | undefined;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How often a call with a temporary error is retried; default 5. */
  readonly maxRetries?: number | undefined;
  /** How long a call may take with all its retries; default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The bodies that fetch accepts. */
export type RequestBody = NonNullable<RequestInit['body']>;

export type Query = Readonly<Record<string, unknown>>;

/** One call. Its body must be available for every attempt. */
export interface Call extends CreateOptions {
  readonly method: Method;
  /** With its parameters filled in. */
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  /** Fewer retries than the client's setting. */
  readonly maxRetries?: number;
}

const MAX_RETRIES = 5;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** Longer waits are reported to the caller at once. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Calls about the whole service, which name no tenant in their query. */
const ALL_TENANTS_PATHS = /^\/v1\/(?:tenants|workers)(?:\/|$)/;

/**
 * The API over fetch: sends the key with every call, turns refusals into errors, and retries calls if that helps and
 * is harmless.
 */
export class Transport {
  readonly #base: string;
  readonly #options: LoraSqueezeOptions;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: LoraSqueezeOptions) {
    const { protocol, origin, pathname, username, password } = new URL(options.baseUrl);
    if (!/^https?:$/.test(protocol)) throw new TypeError('baseUrl must be an http:// or https:// URL');
    if (username !== '' || password !== '') throw new TypeError('baseUrl must not hold a user or password');
    this.#base = `${origin}${pathname}`.replace(/\/+$/, '');
    this.#options = options;
    // The fetch of browsers throws if it is called as a method of another object.
    this.#fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
  }

  /**
   * Makes a call and repeats it after temporary failures.
   * @param read extracts the result from the response; a response that breaks off is requested again
   * @throws LoraSqueezeError; the signal's reason if it is aborted
   */
  call<T>(call: Call, read: (response: Response, signal: AbortSignal) => T | Promise<T>): Promise<T> {
    const { timeoutMs = this.#options.timeoutMs } = call;
    // The same idempotency key for all attempts.
    const headers = {
      ...(call.method === 'POST' && { 'idempotency-key': call.idempotencyKey ?? newKey() }),
      ...call.headers,
    };
    return withTimeout({ signal: call.signal, timeoutMs }, (signal) =>
      this.#tryCall({ ...call, headers }, signal, read),
    );
  }

  async #tryCall<T>(
    call: Call,
    signal: AbortSignal,
    read: (response: Response, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    const mostRetries = call.maxRetries ?? this.#options.maxRetries ?? MAX_RETRIES;
    for (let retries = 0; ; retries++) {
      try {
        return await read(await this.#send(call, signal, retries > 0), signal);
      } catch (thrown) {
        signal.throwIfAborted();
        const error = this.#failure(thrown);
        const waitMs = error.retryAfterMs ?? backoffMs(retries);
        if (!error.retryable || retries >= mostRetries || waitMs > MAX_RETRY_AFTER_MS) throw error;
        await sleep(waitMs, signal);
      }
    }
  }

  async #send(call: Call, signal: AbortSignal, isRetry: boolean): Promise<Response> {
    const { method, body } = call;
    const headers = new Headers(call.headers);
    const { key } = this.#options;
    const token = typeof key === 'function' ? await key() : key;
    if (token) headers.set('authorization', `Bearer ${token}`);
    const init: RequestInit & { duplex?: 'half' } = { method, headers, signal, redirect: 'manual' };
    if (body !== undefined) init.body = body;
    if (body instanceof ReadableStream) init.duplex = 'half';
    const response = await this.#fetch(this.#url(call), init);
    if (response.ok) return response;
    // An earlier attempt deleted it, but its response was lost.
    if (isRetry && method === 'DELETE' && response.status === 404) return new Response(null, { status: 204 });
    throw await errorOf(response);
  }

  #url({ path, query = {} }: Call): string {
    const search = new URLSearchParams();
    const isOfTenant = path.startsWith('/v1/') && !ALL_TENANTS_PATHS.test(path);
    const tenant = query.tenant ?? (isOfTenant ? this.#options.tenant : undefined);
    for (const [name, value] of Object.entries({ ...query, tenant })) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each === undefined || each === null) continue;
        search.append(name, each instanceof Date ? each.toISOString() : String(each));
      }
    }
    const text = search.toString();
    return `${this.#base}${path}${text === '' ? '' : `?${text}`}`;
  }

  /** fetch reports every failure below HTTP as a TypeError, including an interrupted body. */
  #failure(thrown: unknown): LoraSqueezeError {
    if (thrown instanceof LoraSqueezeError) return thrown;
    if (!(thrown instanceof TypeError)) throw thrown;
    const { message, cause } = thrown;
    const why = (cause instanceof Error && (cause.message || (cause as { code?: string }).code)) || message;
    return new LoraSqueezeError(
      { code: 'SERVICE_UNREACHABLE', detail: `${this.#base} cannot be reached: ${why}.`, retryable: true },
      thrown,
    );
  }
}

/** A random time below a bound that doubles: clients that were refused together must not return together. */
const backoffMs = (retries: number): number =>
  Math.random() * Math.min(FIRST_BACKOFF_MS * 2 ** (retries + 1), MAX_BACKOFF_MS);

/** 128 random bits. `crypto.randomUUID` exists only in secure contexts. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The body of a response by its content type: JSON, text, or bytes; undefined if there is none. */
export async function bodyOf(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type')?.split(';', 1)[0] ?? '';
  if (response.status === 204 || response.body === null) return undefined;
  if (type === 'application/json' || type.endsWith('+json')) return jsonOf(response);
  if (type.startsWith('text/') || /[/+](?:yaml|xml)$/.test(type)) return response.text();
  return response.blob();
}

/** @throws LoraSqueezeError NOT_THE_SERVICE */
export async function jsonOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new LoraSqueezeError({
      code: 'NOT_THE_SERVICE',
      detail: `${response.url} does not answer with JSON.`,
      status: response.status,
      retryable: false,
    });
  }
}

/** A path with its parameters filled in. */
export const fillPath = (path: string, parameters: Readonly<Record<string, unknown>> = {}): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parameters[name])));

/** A multipart body: Blobs as files, objects as JSON, texts as they are. */
export function formOf(parts: Readonly<Record<string, unknown>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (value === undefined) continue;
    if (value instanceof Blob) form.append(name, value, name);
    else form.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return form;
}
