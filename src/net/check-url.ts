import { AppError } from '../errors/app-error.ts';
import { type Destinations, forbidden } from './destinations.ts';

/** Presigned URLs with a session token have about 2,000 characters. */
const MAX_URL_LENGTH = 8192;
/** Characters that URL parsers treat differently: what one takes for a path, another takes for a host. */
const AMBIGUOUS = /[\\\p{Cc}\p{Z}]/u;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Parses a URL and refuses it if the service must not request it. Names are not resolved here: their addresses are
 * checked for every connection. Messages show the host but never the rest, which may contain secrets.
 * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN
 */
export function checkUrl(text: string, destinations: Destinations): URL {
  if (text.length > MAX_URL_LENGTH) throw invalid(`it has more than ${MAX_URL_LENGTH} characters`);
  if (!URL.canParse(text)) throw invalid('it is not a URL with https:// and a host');
  const url = new URL(text);
  const defaultPort = DEFAULT_PORTS[url.protocol];
  if (defaultPort === undefined) throw invalid('only https is supported');
  if (AMBIGUOUS.test(text)) {
    throw forbidden(url.host, 'the URL has spaces, backslashes or control characters; they must be escaped');
  }
  if (url.username !== '' || url.password !== '') {
    throw forbidden(url.host, 'the URL has a user name or password before the host');
  }
  destinations.lookupFor(url.protocol, url.hostname, portOf(url));
  return url;
}

/** Host and path, the visible part of a URL whose query and user may be secrets. */
export function hostAndPath(text: string): string {
  const { host, pathname } = new URL(text);
  return `${host}${pathname}`;
}

export const portOf = (url: URL): number => Number(url.port) || DEFAULT_PORTS[url.protocol]!;

const invalid = (reason: string): AppError =>
  new AppError('OUTBOUND_URL_INVALID', `The URL cannot be used: ${reason}.`);
