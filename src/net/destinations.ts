import { isIP, type LookupFunction } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import { isForbiddenAddress } from './address-guard.ts';

/** What the operator allows in addition to public servers with https at port 443. */
export interface OutboundRules {
  /** `host` or `host:port`, compared exactly: these hosts may be private, use other ports, and be called over http. */
  readonly allowedHosts: readonly string[];
}

const HTTPS_PORT = 443;
/** RFC 1035. */
const MAX_NAME_LENGTH = 253;
/** Names that never are public: RFC 6761, RFC 6762, RFC 8375, and ICANN's reserved .internal. */
const INTERNAL_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/;

/** The destinations to which the service may connect. Every outbound connection is checked here. */
export class Destinations {
  private readonly allowed: AllowedHosts;
  private readonly lookup: LookupFunction;
  private readonly guarded: LookupFunction;

  constructor(rules: OutboundRules, lookup: LookupFunction) {
    this.allowed = new AllowedHosts(rules.allowedHosts);
    this.lookup = lookup;
    this.guarded = guardedLookup(lookup);
  }

  /**
   * Checks what can be checked before a name is resolved.
   * @returns the lookup that the socket must use
   * @throws AppError OUTBOUND_FORBIDDEN
   */
  lookupFor(protocol: string, hostname: string, port: number): LookupFunction {
    const host = bareHost(hostname);
    if (this.allowed.has(host, port)) return this.lookup;
    if (protocol !== 'https:') throw forbidden(host, 'only https is allowed');
    if (port !== HTTPS_PORT) throw forbidden(host, `only port ${HTTPS_PORT} is allowed`);
    if (isIP(host) !== 0) {
      if (isForbiddenAddress(host)) throw forbidden(host, 'the address is not public');
    } else if (host.length > MAX_NAME_LENGTH) {
      throw forbidden(`${host.slice(0, 32)}…`, `a host name has at most ${MAX_NAME_LENGTH} characters`);
    } else if (!host.includes('.') || INTERNAL_NAME.test(host)) {
      throw forbidden(host, 'the name is not public');
    }
    return this.guarded;
  }
}

/** @param reason completes the sentence that begins with "The service does not connect to the host:" */
export function forbidden(host: string, reason: string): AppError {
  return new AppError('OUTBOUND_FORBIDDEN', `The service does not connect to ${host}: ${reason}.`, { host });
}

/** Hosts that the operator trusts; they may be private, and at any port unless one is given. */
class AllowedHosts {
  private readonly entries = new Set<string>();

  /**
   * @param hosts `host` or `host:port`; IPv6 addresses in brackets
   * @throws TypeError naming an entry that is neither
   */
  constructor(hosts: readonly string[]) {
    for (const entry of hosts) {
      const { host, port } = parsed(entry);
      this.entries.add(keyOf(host, port));
    }
  }

  has(hostname: string, port: number): boolean {
    const host = bareHost(hostname);
    return this.entries.has(keyOf(host, port)) || this.entries.has(keyOf(host, undefined));
  }
}

/** A host name in the form for comparisons: in lower case, without brackets and without a dot at the end. */
const bareHost = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

const keyOf = (host: string, port: number | undefined): string => `${host} ${port ?? '*'}`;

/** URL drops the default port of its scheme; parsing with two schemes shows the port that was written. */
function parsed(entry: string): { host: string; port: number | undefined } {
  const [http, https] = ['http', 'https'].map((scheme) =>
    URL.canParse(`${scheme}://${entry}`) ? new URL(`${scheme}://${entry}`) : undefined,
  );
  if (!http || !https || http.username !== '' || `${http.pathname}${http.search}${http.hash}` !== '/') {
    throw new TypeError(`"${entry}" is neither a host nor host:port`);
  }
  const port = http.port || https.port;
  return { host: bareHost(http.hostname), port: port === '' ? undefined : Number(port) };
}

/**
 * A lookup for sockets that returns an address only if all addresses of the name are public. The socket dials this
 * address without another lookup, so a second, different answer of the name server has no effect.
 */
export function guardedLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family);
      const found = typeof address === 'string' ? [address] : address.map((entry) => entry.address);
      if (found.length > 0 && !found.some(isForbiddenAddress)) return callback(null, address, family);
      // The address is not shown, because it would reveal how names resolve in the private network.
      callback(
        new AppError(
          'OUTBOUND_FORBIDDEN',
          `${hostname} does not resolve to a public address; the service does not connect to it.`,
          { host: hostname },
        ),
        '',
      );
    });
  };
}
