import { isIPv4, isIPv6 } from 'node:net';

/** A host and its port: what a `Host` header, a URL's authority and an entry of `ALLOWED_HOSTS` name. */
export interface Authority {
  /** Lower case and without a dot at its end; an IPv6 address in its shortest form, in brackets. */
  readonly host: string;
  /** undefined: none was named, so it is that of the scheme. */
  readonly port: number | undefined;
}

const MAX_PORT = 65_535;

/** `uri-host [ ":" port ]`; what a name may be made of (`reg-name`, RFC 3986 §3.2.2) is checked on its own. */
const PARTS = /^(\[[^[\]]*\]|[^:[\]]*)(?::(\d*))?$/;
const NAME = /^(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/;

/**
 * Reads an authority as a `Host` header has it (RFC 9112 §3.2).
 * @returns undefined where it is not one: with a user before an `@`, a port above 65535, blanks, or an address in
 * brackets that is not IPv6
 */
export function parseAuthority(text: string): Authority | undefined {
  const [matched, host = '', digits = ''] = PARTS.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const port = digits === '' ? undefined : Number(digits);
  if (port !== undefined && port > MAX_PORT) return undefined;
  if (!host.startsWith('['))
    return NAME.test(host) ? { host: host.toLowerCase().replace(/\.$/, ''), port } : undefined;
  // The parser of URLs knows the shortest form. It has no zones, which have no meaning to others than their machine.
  const url = `http://${host}/`;
  return isIPv6(host.slice(1, -1)) && URL.canParse(url) ? { host: new URL(url).hostname, port } : undefined;
}

/** Whether a host is always this machine, wherever it is resolved: names under `localhost` are (RFC 6761). */
export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  (isIPv4(host) && host.startsWith('127.'));
