import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { ObjectAddress } from './s3-client.ts';

const MIB = 2 ** 20;
/** S3 accepts parts of 5 MiB and more; this many bytes times the parts in flight are in memory. */
const PART_BYTES = 8 * MIB;
const PARTS_IN_FLIGHT = 4;
/** S3's own limit. */
const MAX_PARTS = 10_000;
/** Files up to this size are sent in one request. */
export const SINGLE_PUT_BYTES = PART_BYTES;

/**
 * Writes a large object in parts. It appears when all are complete; after a failure the parts are removed, if the
 * store can still be reached.
 */
export async function uploadInParts(
  client: S3Client,
  address: ObjectAddress,
  content: Readable,
  bytes: number,
): Promise<void> {
  const upload = new Upload({
    client,
    params: { ...address, Body: content, ContentLength: bytes },
    partSize: Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS)),
    queueSize: PARTS_IN_FLIGHT,
    leavePartsOnError: false,
  });
  try {
    await upload.done();
  } finally {
    content.destroy();
  }
}
