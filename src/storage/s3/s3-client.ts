import { S3Client } from '@aws-sdk/client-s3';

/** How long a connection may take; three attempts at a host that is silent end after some 5 s. */
const CONNECT_TIMEOUT_MS = 1_500;
/** From the start of a request to the head of its answer. A part of an upload gets the longer one: 8 MB of body. */
export const ANSWER_TIMEOUT_MS = 5_000;
const PART_ANSWER_TIMEOUT_MS = 60_000;
/** A connection in use on which nothing moves, the reader of a download included. */
const IDLE_TIMEOUT_MS = 60_000;
/** Connections to the store; each download to a client holds one. */
const MAX_SOCKETS = 256;
const MAX_ATTEMPTS = 3;

/** A client with the SDK's own way to region, credentials and endpoint: environment, shared files, roles. */
export function createClient(forcePathStyle: boolean): S3Client {
  return new S3Client({
    forcePathStyle,
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: PART_ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
  });
}
