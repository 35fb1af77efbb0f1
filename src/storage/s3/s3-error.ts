import { AppError } from '../../errors/app-error.ts';
import { errnoOf, isOutOfRoom, storageError } from '../storage-error.ts';

/** Codes with which stores report that there is no room: Ceph, gateways and MinIO. */
const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull']);
const HTTP_FORBIDDEN = 403;
const HTTP_INSUFFICIENT_STORAGE = 507;

const CREDENTIALS_HINT = 'Check the credentials and their permissions in this bucket.';
const NETWORK_HINT = 'The endpoint cannot be reached.';
const SLOW_HINT = 'The endpoint did not answer in time.';

/** What to check first, by the name of the failure; for any other 403, the credentials. */
const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'No bucket has this name.',
  ExpiredToken: CREDENTIALS_HINT,
  InvalidToken: CREDENTIALS_HINT,
  CredentialsProviderError: 'No credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  RegionMissing: 'AWS_REGION is not set.',
  PermanentRedirect: 'The bucket is in another region: set AWS_REGION.',
  NotImplemented: 'The store lacks a feature that this service needs.',
  ECONNREFUSED: NETWORK_HINT,
  ENOTFOUND: NETWORK_HINT,
  EAI_AGAIN: NETWORK_HINT,
  ECONNRESET: 'The connection was closed.',
  EPIPE: 'The connection was closed.',
  ETIMEDOUT: SLOW_HINT,
  TimeoutError: SLOW_HINT,
};

const GENERAL_NAMES = new Set(['Error', 'AggregateError', 'TimeoutError']);

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const asFailure = (error: unknown): Failure =>
  error instanceof Error ? error : { name: 'unknown error', message: String(error) };

/** The HTTP status of the response; undefined if there was none. */
const statusOf = (error: unknown): number | undefined => asFailure(error).$metadata?.httpStatusCode;

/** Whether the object does not exist. A missing bucket is another failure, which every request except HEAD can distinguish. */
export const isMissing = (error: unknown): boolean =>
  statusOf(error) === 404 && asFailure(error).name !== 'NoSuchBucket';

/**
 * Converts a failed request to an AppError: STORAGE_FULL or STORAGE_FAILED. The message names bucket and key
 * (`place`) and the failure. An AppError passes through unchanged.
 */
export function s3Error(operation: string, place: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  // The error comes from the disk: a local copy, or a scratch file.
  if (status === undefined && isOfTheDisk(error)) return storageError(operation, error);
  const name = nameOf(error);
  const isFull = FULL.has(name) || status === HTTP_INSUFFICIENT_STORAGE;
  const what = status === undefined ? name : `${name}, HTTP ${status}`;
  const hint = HINTS[name] ?? (status === HTTP_FORBIDDEN && !isFull ? CREDENTIALS_HINT : undefined);
  return new AppError(
    isFull ? 'STORAGE_FULL' : 'STORAGE_FAILED',
    `The storage could not ${operation} ${place} (${what}).${hint ? ` ${hint}` : ''}`,
    { operation, place, failure: name },
    { cause: withoutDetails(error) },
  );
}

function isOfTheDisk(error: unknown): boolean {
  return isOutOfRoom(error) || (error instanceof Error && 'path' in error && errnoOf(error) !== undefined);
}

function nameOf(error: unknown): string {
  const { name, message, code } = asFailure(error);
  if (message === 'Region is missing') return 'RegionMissing';
  // The SDK reports a closed connection as a timeout, but the code of its error is right.
  return GENERAL_NAMES.has(name) && typeof code === 'string' ? code : name;
}

/** The SDK attaches the whole response to its errors, some with the access key or the string that was signed. */
function withoutDetails(error: unknown): Error {
  const { name, message } = asFailure(error);
  const plain = new Error(message);
  plain.name = name;
  if (error instanceof Error && error.stack) plain.stack = error.stack;
  return plain;
}
