import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { type Agent, type Dispatcher, fetch as undiciFetch, request as undiciRequest } from 'undici';
import { AppError } from '../errors/app-error.ts';
import { type BodyBounds, boundedBody } from './bounded-body.ts';
import { checkUrl } from './check-url.ts';
import { Destinations, forbidden, type OutboundRules } from './destinations.ts';
import { type GuardedAgents, guardedAgents, guardedDispatcher, STALL_TIMEOUT_MS } from './guarded-agents.ts';
import { outboundError } from './outbound-error.ts';

const MAX_REDIRECTS = 5;
/** An unread body is read up to this size to keep the connection; if it is longer, the connection is closed. */
const DISCARDED_BYTES = 64 * 1024;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers that identify the caller. */
const IDENTIFYING = new Set(['authorization', 'proxy-authorization', 'cookie']);

export interface OutboundOptions {
  /** How names are resolved; by default as Node does. */
  readonly lookup?: LookupFunction;
  /** Certificates of authorities, PEM, instead of those that Node trusts. */
  readonly ca?: string;
}

export interface OutboundRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers with secrets: they are not sent to another host, port or scheme after a redirect. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array;
  /** The longest time without traffic: until the head of the response, and between pieces of its body. */
  readonly timeoutMs?: number;
  /** The longest time of the whole exchange, including reading the body; undefined: no limit. */
  readonly deadlineMs?: number;
  /** The most bytes of the response's body; undefined: no limit. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A response of any status. Its body must be read completely, destroyed or discarded. */
export interface OutboundResponse {
  readonly status: number;
  /** Host and port that answered, for messages. */
  readonly host: string;
  /** A header by its name in lower case; the first one if there are several. */
  header(name: string): string | undefined;
  readonly body: Readable;
  discard(): Promise<void>;
}

/**
 * The only way in which the service connects to servers that clients name. Connections are made to public addresses,
 * with https at port 443, and to hosts that the operator allows; see Destinations.
 */
export class Outbound {
  private readonly rules: OutboundRules;
  private readonly options: OutboundOptions;
  private readonly destinations: Destinations;
  private readonly dispatcher: Agent;
  private readonly ca: string | undefined;

  /** @throws TypeError naming an allowed host that is not valid */
  constructor(rules: OutboundRules, options: OutboundOptions = {}) {
    this.rules = rules;
    this.options = options;
    this.destinations = new Destinations(rules, options.lookup ?? dnsLookup);
    this.dispatcher = guardedDispatcher(this.destinations, options.ca);
    this.ca = options.ca;
  }

  /**
   * The same rules with additional hosts, which may be private, use other ports, and be called over http if a URL
   * says so. The result has connections of its own, and the caller must close it.
   * @throws TypeError naming an invalid host
   */
  withAllowedHosts(hosts: readonly string[]): Outbound {
    const { allowedHosts } = this.rules;
    return new Outbound({ allowedHosts: [...allowedHosts, ...hosts] }, this.options);
  }

  /**
   * Refuses a URL that is never allowed; the address of its name is only checked when a connection is opened.
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN
   */
  checkUrl(text: string): URL {
    return checkUrl(text, this.destinations);
  }

  /**
   * Makes one request; redirects are returned like other responses.
   * @throws AppError as checkUrl, OUTBOUND_FAILED; the body fails with OUTBOUND_FAILED or OUTBOUND_TOO_LARGE; the
   *   reason of the signal
   */
  async request(target: string, options: OutboundRequest = {}): Promise<OutboundResponse> {
    const url = this.checkUrl(target);
    const { method = 'GET', headers, secretHeaders, body, timeoutMs = STALL_TIMEOUT_MS, maxBytes } = options;
    const signal = signalOf(options);
    const failed = (error: unknown): Error =>
      reasonOf(options, signal, url.host) ?? outboundError(url.host, error);
    try {
      const answer = await undiciRequest(url, {
        dispatcher: this.dispatcher,
        method,
        headers: { 'user-agent': 'lora-squeeze', ...headers, ...secretHeaders },
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const tooLarge = () => tooLargeError(url.host, maxBytes);
      return answerOf(url.host, answer, { maxBytes, tooLarge, failed });
    } catch (error) {
      throw failed(error);
    }
  }

  /**
   * A GET that follows up to 5 redirects. Each is checked like the first URL; headers with credentials are not sent
   * to another host or port.
   * @throws AppError as request; OUTBOUND_FORBIDDEN after too many redirects
   */
  async fetchFollowingRedirects(
    target: string,
    options: Omit<OutboundRequest, 'method' | 'body'> = {},
  ): Promise<OutboundResponse> {
    let url = target;
    let { headers = {}, secretHeaders = {} } = options;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.request(url, { ...options, headers, secretHeaders });
      let next: string | undefined;
      try {
        next = redirectTarget(answer, url);
      } catch (error) {
        await answer.discard();
        throw error;
      }
      if (next === undefined) return answer;
      await answer.discard();
      if (redirects === MAX_REDIRECTS) throw forbidden(answer.host, 'there are too many redirects');
      if (new URL(url).origin !== new URL(next).origin) {
        headers = withoutIdentity(headers);
        secretHeaders = {};
      }
      url = next;
    }
  }

  /** WHATWG fetch with the same rules, for libraries; it follows redirects according to the standard. */
  readonly fetch: typeof fetch = async (input, init) => {
    if (input instanceof Request) throw new TypeError('this fetch accepts a URL, not a Request');
    const target = String(input);
    const { host } = this.checkUrl(target);
    try {
      const options = { ...init, dispatcher: this.dispatcher } as Parameters<typeof undiciFetch>[1];
      return (await undiciFetch(target, options)) as unknown as Response;
    } catch (error) {
      init?.signal?.throwIfAborted();
      throw outboundError(host, error);
    }
  };

  /** Agents with the same rules, for libraries that use node:http. The caller destroys them. */
  newAgents(): GuardedAgents {
    return guardedAgents(this.destinations, this.ca);
  }

  /** Ends all exchanges and connections, except those of agents. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

function answerOf(
  host: string,
  { statusCode: status, headers, body: raw }: Dispatcher.ResponseData,
  bounds: BodyBounds,
): OutboundResponse {
  // Without a listener, the failure of an unread body would end the process.
  raw.on('error', () => {});
  let body: Readable | undefined;
  return {
    status,
    host,
    header: (name) => [headers[name]].flat()[0],
    get body() {
      body ??= boundedBody(raw, bounds);
      return body;
    },
    discard: async () => {
      if (body) body.destroy();
      else await raw.dump({ limit: DISCARDED_BYTES }).catch(() => undefined);
    },
  };
}

function signalOf({ signal, deadlineMs }: OutboundRequest): AbortSignal | undefined {
  if (deadlineMs === undefined) return signal;
  const deadline = AbortSignal.timeout(deadlineMs);
  return signal ? AbortSignal.any([signal, deadline]) : deadline;
}

/** The reason for which this side ended an exchange; undefined if it did not. */
function reasonOf(
  { signal, deadlineMs }: OutboundRequest,
  joined: AbortSignal | undefined,
  host: string,
): Error | undefined {
  if (signal?.aborted)
    return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
  if (!joined?.aborted) return undefined;
  return new AppError('OUTBOUND_FAILED', `${host} took longer than ${deadlineMs} ms.`, {
    host,
    limit_ms: deadlineMs!,
  });
}

const tooLargeError = (host: string, maxBytes = 0): AppError =>
  new AppError('OUTBOUND_TOO_LARGE', `${host} answered with more than ${maxBytes} bytes.`, {
    host,
    limit_bytes: maxBytes,
  });

/**
 * The target of a redirect; undefined if the response is not one.
 * @param from the requested URL
 * @throws AppError OUTBOUND_URL_INVALID
 */
function redirectTarget(
  answer: Pick<OutboundResponse, 'status' | 'host' | 'header'>,
  from: string,
): string | undefined {
  const location = REDIRECTS.has(answer.status) ? answer.header('location') : undefined;
  if (location === undefined) return undefined;
  if (!URL.canParse(location, from)) {
    throw new AppError('OUTBOUND_URL_INVALID', `${answer.host} redirects to something that is not a URL.`, {
      host: answer.host,
    });
  }
  return new URL(location, from).href;
}

/** The headers that may be sent to another host, port or scheme: those that do not identify the caller. */
const withoutIdentity = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !IDENTIFYING.has(name.toLowerCase())));
