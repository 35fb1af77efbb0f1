import { AppError } from '../../errors/app-error.ts';
import { answerError, outboundError } from '../../net/outbound-error.ts';

/** What the names of S3 mean for the person who gave the place; others are shown as they are. */
const MEANINGS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no bucket of this name',
  NoSuchKey: 'there is no such object',
  NotFound: 'there is no such object',
  AccessDenied: 'the credentials do not allow it',
  Forbidden: 'the credentials do not allow it',
  InvalidAccessKeyId: 'the access key is not known',
  SignatureDoesNotMatch: 'the secret access key is wrong',
  ExpiredToken: 'the session token has expired',
  InvalidToken: 'the session token is not valid',
  PermanentRedirect: 'the bucket is in another region; give its region',
  AuthorizationHeaderMalformed: 'the bucket is in another region; give its region',
};
/** Answers of the 4xx kind that another attempt may turn. */
const TRANSIENT = new Set(['RequestTimeout', 'RequestTimeoutException', 'SlowDown', 'OperationAborted']);

interface SdkError {
  readonly name: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * A failed request to a bucket of a user: OUTBOUND_REFUSED, OUTBOUND_FAILED, or our own error inside.
 * @param what object that was asked for, shown
 */
export function s3Error(host: string, what: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, $metadata } = error instanceof Error ? (error as SdkError) : { name: 'unknown error' };
  const status = $metadata?.httpStatusCode;
  // A status below 400 is that of an answer that broke off.
  if (status === undefined || (status < 400 && name !== 'PermanentRedirect'))
    return outboundError(host, error);
  const meaning = `${what}: ${MEANINGS[name] ?? 'the store refused'} (${name})`;
  return answerError(host, TRANSIENT.has(name) ? 503 : status, meaning);
}
