import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { type Authority, isLoopbackHost, parseAuthority } from '../authority.ts';
import { REQUEST_ID_HEADER } from '../schemas.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Served for any Host, because machines request it by address. It must not reveal data. */
    anyHost?: boolean;
    /**
     * Browsers send the credentials of this route by themselves, so pages of other sites could use it even if keys
     * are required.
     */
    browserCredentials?: boolean;
  }
}

export interface HostAndOriginOptions {
  /**
   * Whether requests need no key: then only Host and Origin can show that a request comes from a page of another
   * site.
   */
  readonly isOpen: boolean;
  /** `host` or `host:port`: the names of this service besides those of the loopback interface. */
  readonly allowedHosts: readonly string[];
  readonly metrics: Pick<Metrics, 'accessRefused'>;
}

/** Methods that change nothing (RFC 9110 §9.2.1). Other pages may call them, but cannot read the responses. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A request-target in absolute form, its authority first (RFC 9112 §3.2.2). */
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** The API serves no pages, except under /docs, which sets its own policy. */
const HEADERS = Object.entries({
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
});

/**
 * If no keys are required, anyone who can make a browser on this machine send requests could use the service. Two
 * checks prevent that, both before a body is read:
 * - The Host must be a name of this service. A name that an attacker made resolve to it (DNS rebinding) is not.
 * - The site from which the request comes, which browsers send (Fetch Metadata, Origin), must be this service. Other
 * clients do not send these headers.
 *
 * A malformed Host header is always refused (RFC 9112 §3.2).
 */
export const hostAndOrigin = fp(
  async (app: FastifyInstance, { isOpen, allowedHosts, metrics }: HostAndOriginOptions) => {
    const allowed = allowedHosts.map((entry) => {
      const authority = parseAuthority(entry);
      if (!authority) throw new TypeError(`"${entry}" is neither a host nor host:port`);
      return authority;
    });
    const isAllowed = (requested: Authority): boolean =>
      allowed.some(({ host, port }) => host === requested.host && isPort(port, requested.port));

    app.addHook('onRequest', async (request, reply) => {
      const named = namedIn(request.raw);
      if (named instanceof AppError) {
        reply.header('connection', 'close');
        throw named;
      }
      const config = request.routeOptions.config ?? {};
      if (isOpen && !config.anyHost) {
        const foreign = named.find((one) => !isLoopbackHost(one.host) && !isAllowed(one));
        if (foreign) {
          metrics.accessRefused('host');
          throw hostNotAllowed(foreign);
        }
      }
      if ((isOpen || config.browserCredentials) && !SAFE_METHODS.has(request.method)) {
        const found = crossOrigin(request, named, isAllowed);
        if (found === undefined) return;
        metrics.accessRefused('origin');
        throw new AppError(
          'CROSS_ORIGIN_REQUEST',
          `${found}: pages of other sites must not change anything here. Send the request from the page of this ` +
            'service, or from a client that is not a browser.',
        );
      }
    });
  },
);

/** Adds to every response the headers that restrict what browsers do with it, and the id of the request. */
export const securityHeaders = fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', (request, reply, done) => {
    for (const [name, value] of HEADERS) reply.header(name, value);
    reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
});

/**
 * Whether a requested port matches a listed one. An entry without a port allows all of them; browsers leave out the
 * default port of the scheme.
 */
const isPort = (listed: number | undefined, requested: number | undefined): boolean =>
  listed === undefined ||
  (requested === undefined ? Object.values(DEFAULT_PORTS).includes(listed) : listed === requested);

/** Every authority that a request names: in its target, if that is an absolute URL, and in its Host header. */
function namedIn({ url = '', headers, rawHeaders, httpVersion }: IncomingMessage): Authority[] | AppError {
  // `headers` contains only the first of several Host headers.
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]!.toLowerCase() === 'host') hosts++;
  if (hosts > 1) return new AppError('BAD_REQUEST', 'The request has more than one Host header.');
  const target = ABSOLUTE.exec(url)?.[1];
  const named: Authority[] = [];
  for (const [where, text] of [
    ['target of the request', target],
    ['Host header', headers.host],
  ] as const) {
    if (text === undefined) continue;
    const authority = parseAuthority(text);
    if (!authority)
      return new AppError(
        'BAD_REQUEST',
        `The ${where} names ${quoted(text)}, which is neither a host nor host:port.`,
      );
    named.push(authority);
  }
  if (hosts === 0 && httpVersion === '1.1')
    return new AppError('BAD_REQUEST', 'The request has no Host header, which HTTP/1.1 requires.');
  return named;
}

/** @returns the header that shows that a request comes from a page of another site; undefined if none does */
function crossOrigin(
  { headers }: FastifyRequest,
  named: readonly Authority[],
  isAllowed: (requested: Authority) => boolean,
): string | undefined {
  const site = headers['sec-fetch-site'];
  if (site !== undefined)
    return site === 'same-origin' || site === 'none'
      ? undefined
      : `Sec-Fetch-Site is ${quoted(String(site))}`;
  const { origin } = headers;
  if (origin === undefined) return undefined;
  const from = URL.canParse(origin) ? new URL(origin) : undefined;
  const schemePort = DEFAULT_PORTS[from?.protocol ?? ''];
  const authority = from && parseAuthority(from.host);
  if (authority && schemePort !== undefined) {
    const requested = { host: authority.host, port: authority.port ?? schemePort };
    // Behind a TLS proxy the scheme is not known, so the port decides.
    const isOwn = named.some(
      ({ host, port }) => host === requested.host && (port ?? schemePort) === requested.port,
    );
    if (isOwn || isAllowed(requested)) return undefined;
  }
  return `The Origin is ${quoted(origin)}`;
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 200));

function hostNotAllowed({ host, port }: Authority): AppError {
  const shown = quoted(port === undefined ? host : `${host}:${port}`);
  return new AppError(
    'HOST_NOT_ALLOWED',
    `The request is for the host ${shown}. Because this service requires no keys, it only answers requests ` +
      'for localhost and loopback addresses, so that no web page can reach it through a host name of its own. If the ' +
      'host is right, add it to ALLOWED_HOSTS, or start the service with AUTH=keys.',
    { host: host.slice(0, 200) },
  );
}
