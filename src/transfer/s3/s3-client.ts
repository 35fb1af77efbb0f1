import { S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../errors/app-error.ts';
import type { Outbound } from '../../net/outbound.ts';
import { outboundError, statusError } from '../../net/outbound-error.ts';
import type { ResolvedS3Sink, ResolvedS3Source } from '../resolved-endpoints.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 3;
const DEFAULT_REGION = 'us-east-1';

/** The meaning of S3's error codes for the user who named the place; other codes are shown as they are. */
const MEANINGS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'no bucket has this name',
  NoSuchKey: 'there is no such object',
  NotFound: 'there is no such object',
  AccessDenied: 'the credentials do not permit this operation',
  Forbidden: 'the credentials do not permit this operation',
  InvalidAccessKeyId: 'the access key is not known',
  SignatureDoesNotMatch: 'the secret access key is wrong',
  ExpiredToken: 'the session token has expired',
  InvalidToken: 'the session token is not valid',
  PermanentRedirect: 'the bucket is in another region; set its region',
  AuthorizationHeaderMalformed: 'the bucket is in another region; set its region',
};

/** Errors of the 4xx range with which another attempt may succeed. */
const TRANSIENT = new Set(['RequestTimeout', 'RequestTimeoutException', 'SlowDown', 'OperationAborted']);

/**
 * A client for a bucket of a user, subject to the rules for outbound connections. Neither region nor endpoint comes
 * from the environment of the service, and credentials only if an administrator created a connection with the
 * service's own identity.
 * @param stallTimeoutMs longest time without a response, and without a byte
 * @throws AppError OUTBOUND_* if the endpoint is not allowed
 */
export function openClient(
  place: ResolvedS3Source | ResolvedS3Sink,
  outbound: Outbound,
  stallTimeoutMs: number,
): S3Client {
  const { credentials, endpoint, region = DEFAULT_REGION, path_style = endpoint !== undefined } = place;
  if (endpoint !== undefined) outbound.checkUrl(endpoint);
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: path_style,
    ignoreConfiguredEndpointUrls: true,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    credentials:
      credentials === 'own'
        ? ownCredentials()
        : {
            accessKeyId: credentials.access_key_id,
            secretAccessKey: credentials.secret_access_key,
            ...(credentials.session_token !== undefined && { sessionToken: credentials.session_token }),
          },
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    requestHandler: {
      // For this client only, because it destroys the agents when it is destroyed.
      ...outbound.newAgents(),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: stallTimeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: stallTimeoutMs,
    },
  });
}

type Identity = S3Client['config']['credentials'];
let own: Identity | undefined;

/**
 * The credentials that the AWS SDK finds for this process: in the environment, in files, or by the role of a pod or
 * an instance. Requests for them do not follow the outbound rules, because the operator decides where they go. They
 * are renewed when they expire.
 */
function ownCredentials(): Identity {
  own ??= new S3Client({ region: DEFAULT_REGION }).config.credentials;
  return own;
}

/** The host of the store, for messages. */
export function s3Host({ endpoint, region = DEFAULT_REGION }: ResolvedS3Source | ResolvedS3Sink): string {
  return endpoint === undefined ? `s3.${region}.amazonaws.com` : new URL(endpoint).host;
}

/** The key of a file; the prefix is treated as a folder. */
export function objectKey({ prefix }: ResolvedS3Source | ResolvedS3Sink, name: string): string {
  const folder = prefix.replace(/\/+$/, '');
  return folder === '' ? name : `${folder}/${name}`;
}

interface SdkError {
  readonly name: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * Converts a failed request to a bucket of a user: OUTBOUND_REFUSED, OUTBOUND_FAILED, or the AppError that the error
 * contains.
 * @param what the requested object, for the message
 */
export function bucketError(host: string, what: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, $metadata } = error instanceof Error ? (error as SdkError) : { name: 'unknown error' };
  const status = $metadata?.httpStatusCode;
  if (name === 'CredentialsProviderError')
    return new AppError(
      'AMBIENT_UNAVAILABLE',
      `The service has no AWS credentials of its own for ${host}; its operator must configure credentials or a role.`,
      { host },
    );
  // A status below 400 belongs to a response that was cut off.
  if (status === undefined || (status < 400 && name !== 'PermanentRedirect'))
    return outboundError(host, error);
  const meaning = `${what}: ${MEANINGS[name] ?? 'the store refused the request'} (${name})`;
  return statusError(host, status, `: ${meaning}`, TRANSIENT.has(name));
}
