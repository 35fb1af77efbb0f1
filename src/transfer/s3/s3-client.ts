import { S3Client } from '@aws-sdk/client-s3';
import type { S3Sink, S3Source } from '../../contract/transfer.ts';
import type { Outbound } from '../../net/outbound.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 3;
const DEFAULT_REGION = 'us-east-1';

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
