import { S3Client } from '@aws-sdk/client-s3';
import type { S3Sink, S3Source } from '../../contract/transfer.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Outbound } from '../../net/outbound.ts';
import { answerError, outboundError } from '../../net/outbound-error.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 3;
const DEFAULT_REGION = 'us-east-1';

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

/**
 * A client for a bucket of a user, with his credentials and through our rules. Nothing comes from the environment of
 * the service: neither credentials nor region nor endpoint.
 * @param stallTimeoutMs longest time without an answer, and without a byte
 * @throws AppError OUTBOUND_* when the endpoint is none that may be asked
 */
export function openClient(place: S3Source | S3Sink, outbound: Outbound, stallTimeoutMs: number): S3Client {
  const { credentials, endpoint, region = DEFAULT_REGION } = place;
  if (endpoint !== undefined) outbound.checkUrl(endpoint);
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ignoreConfiguredEndpointUrls: true,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    credentials: {
      accessKeyId: credentials.access_key_id,
      secretAccessKey: credentials.secret_access_key,
      ...(credentials.session_token !== undefined && { sessionToken: credentials.session_token }),
    },
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    requestHandler: {
      // Of this client alone: it destroys them when it is destroyed.
      ...outbound.newAgents(),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: stallTimeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: stallTimeoutMs,
    },
  });
}

/** Host of the store, for messages. */
export function hostOf({ endpoint, region = DEFAULT_REGION }: S3Source | S3Sink): string {
  return endpoint === undefined ? `s3.${region}.amazonaws.com` : new URL(endpoint).host;
}

/** Key of a file: the prefix is a folder. */
export function keyOf({ prefix }: S3Source | S3Sink, name: string): string {
  const folder = prefix.replace(/\/+$/, '');
  return folder === '' ? name : `${folder}/${name}`;
}

interface SdkError {
  readonly name: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * A failed request to a bucket of a user: OUTBOUND_REFUSED, OUTBOUND_FAILED, or our own error inside.
 * @param what object that was asked for, shown
 */
export function bucketError(host: string, what: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, $metadata } = error instanceof Error ? (error as SdkError) : { name: 'unknown error' };
  const status = $metadata?.httpStatusCode;
  // A status below 400 is that of an answer that broke off.
  if (status === undefined || (status < 400 && name !== 'PermanentRedirect'))
    return outboundError(host, error);
  const meaning = `${what}: ${MEANINGS[name] ?? 'the store refused'} (${name})`;
  return answerError(host, TRANSIENT.has(name) ? 503 : status, meaning);
}
