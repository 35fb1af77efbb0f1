import { isIPv4, isIPv6 } from 'node:net';

/** A host and its port, as in a `Host` header, in the authority of a URL and in an entry of `ALLOWED_HOSTS`. */
export interface Authority {
  /** Lower case and without a dot at its end; an IPv6 address in its shortest form, in brackets. */
  readonly host: string;
  /** undefined if no port is given: then the default port of the scheme is meant. */
  readonly port: number | undefined;
}

const MAX_PORT = 65_535;

/** `uri-host [ ":" port ]`; the characters of a name (`reg-name`, RFC 3986 §3.2.2) are checked separately. */
const PARTS = /^(\[[^[\]]*\]|[^:[\]]*)(?::(\d*))?$/;
const NAME = /^(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/;

/**
 * Parses an authority as it stands in a `Host` header (RFC 9112 §3.2).
 * @returns undefined if it is not valid: with a user before an `@`, a port above 65535, blanks, or an address in
 *   brackets that is not IPv6
 */
export function parseAuthority(text: string): Authority | undefined {
  const [matched, host = '', digits = ''] = PARTS.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const port = digits === '' ? undefined : Number(digits);
  if (port !== undefined && port > MAX_PORT) return undefined;
  if (!host.startsWith('['))
    return NAME.test(host) ? { host: host.toLowerCase().replace(/\.$/, ''), port } : undefined;
  // The URL parser writes IPv6 addresses in their shortest form. It accepts no zone, which has no meaning on other
  // machines.
  const url = `http://${host}/`;
  return isIPv6(host.slice(1, -1)) && URL.canParse(url) ? { host: new URL(url).hostname, port } : undefined;
}

/** Whether a host always is this machine, also names that end in `localhost` (RFC 6761). */
export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  (isIPv4(host) && host.startsWith('127.'));
