import { AppError } from '../errors/app-error.ts';

const SLOW = 'did not answer in time';
const UNREACHABLE = 'cannot be reached';
const CLOSED = 'closed the connection';
const UNTRUSTED = 'has no trusted certificate';

/** The failure in words, by the error code of Node or undici; the message also contains the code. */
const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENOTFOUND: 'is not a known host name',
  EAI_AGAIN: 'could not be resolved',
  ECONNRESET: CLOSED,
  EPIPE: CLOSED,
  UND_ERR_SOCKET: CLOSED,
  ETIMEDOUT: SLOW,
  UND_ERR_CONNECT_TIMEOUT: SLOW,
  UND_ERR_HEADERS_TIMEOUT: SLOW,
  UND_ERR_BODY_TIMEOUT: 'stopped sending',
  CERT_HAS_EXPIRED: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name',
};

/** Statuses of the 4xx range with which another attempt may succeed: request timeout, too early, too many requests. */
const TRANSIENT_STATUSES = new Set([408, 425, 429]);

/**
 * Converts a failed connection or exchange to an AppError: the AppError among its causes if an outbound rule was the
 * reason, otherwise OUTBOUND_FAILED.
 * @param host of the remote server; only this part of its URL is shown
 */
export function outboundError(host: string, error: unknown): AppError {
  const errors = chainOf(error);
  const ours = errors.find((found) => found instanceof AppError);
  if (ours) return ours;
  const codes = errors.map((found) => (found as NodeJS.ErrnoException).code).filter(isText);
  const code = codes.find((found) => found in FAILURES) ?? codes[0] ?? nameOf(error);
  return new AppError(
    'OUTBOUND_FAILED',
    `${host} ${FAILURES[code] ?? 'failed'} (${code}).`,
    { host, failure: code },
    { cause: error },
  );
}

/**
 * The error for an unwanted status: OUTBOUND_REFUSED, or OUTBOUND_FAILED if a later attempt may get another one.
 * @param more follows the status in the message: a colon and the reason, or which request it was
 * @param isKnownTransient whether the caller knows, other than by the status, that a later attempt may succeed
 */
export function statusError(host: string, status: number, more = '', isKnownTransient = false): AppError {
  const isTransient = isKnownTransient || status >= 500 || TRANSIENT_STATUSES.has(status);
  return new AppError(
    isTransient ? 'OUTBOUND_FAILED' : 'OUTBOUND_REFUSED',
    `${host} answered with status ${status}${more}.`,
    { host, status },
  );
}

/** The error, its causes, and the errors of the attempts at several addresses. */
function chainOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const inner = [...(error instanceof AggregateError ? error.errors : []), error.cause];
  return [error, ...inner.flatMap((found) => (found === error ? [] : chainOf(found)))];
}

const isText = (value: unknown): value is string => typeof value === 'string';
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown error');
