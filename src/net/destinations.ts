import { isIP, type LookupFunction } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import { isForbiddenAddress } from './address-guard.ts';
import { AllowedHosts, bareHost } from './allowed-hosts.ts';
import { guardedLookup } from './guarded-lookup.ts';

/** What the operator allows beyond public servers at https and port 443. */
export interface OutboundRules {
  /** `host` or `host:port`, compared exactly: these may be private and at other ports. */
  readonly allowedHosts: readonly string[];
  /** Plain http, to these hosts only. */
  readonly allowHttp: boolean;
}

const HTTPS_PORT = 443;
/** RFC 1035. */
const MAX_NAME_LENGTH = 253;
/** Names that never are public: RFC 6761, RFC 6762, RFC 8375, and ICANN's reserved .internal. */
const INTERNAL_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/;

/** Where the service may connect to. Every connection asks here, whoever makes it. */
export class Destinations {
  private readonly allowed: AllowedHosts;
  private readonly allowHttp: boolean;
  private readonly lookup: LookupFunction;
  private readonly guarded: LookupFunction;

  constructor(rules: OutboundRules, lookup: LookupFunction) {
    this.allowed = new AllowedHosts(rules.allowedHosts);
    this.allowHttp = rules.allowHttp;
    this.lookup = lookup;
    this.guarded = guardedLookup(lookup);
  }

  /**
   * Checks what can be told before a name is resolved.
   * @returns the lookup that the socket has to use
   * @throws AppError OUTBOUND_FORBIDDEN
   */
  lookupFor(protocol: string, hostname: string, port: number): LookupFunction {
    const host = bareHost(hostname);
    if (this.allowed.has(host, port)) {
      if (protocol !== 'https:' && !this.allowHttp) throw forbidden(host, 'only https is allowed');
      return this.lookup;
    }
    if (protocol !== 'https:') throw forbidden(host, 'only https is allowed');
    if (port !== HTTPS_PORT) throw forbidden(host, `only port ${HTTPS_PORT} is allowed`);
    if (isIP(host) !== 0) {
      if (isForbiddenAddress(host)) throw forbidden(host, 'the address is not a public one');
    } else if (host.length > MAX_NAME_LENGTH) {
      throw forbidden(`${host.slice(0, 32)}…`, `a host name has ${MAX_NAME_LENGTH} characters at most`);
    } else if (!host.includes('.') || INTERNAL_NAME.test(host)) {
      throw forbidden(host, 'the name is not a public one');
    }
    return this.guarded;
  }
}

/** @param reason why, as the middle of a sentence */
export function forbidden(host: string, reason: string): AppError {
  return new AppError('OUTBOUND_FORBIDDEN', `The service does not connect to ${host}: ${reason}.`, { host });
}
