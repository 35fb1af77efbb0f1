import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { LocalFile } from '../../adapter/digested-file.ts';
import type { ResolvedS3Sink } from '../resolved-endpoints.ts';
import { bucketError, objectKey, s3Host } from './s3-client.ts';

const MIB = 2 ** 20;
/** This many bytes times the parts in flight are in memory; smaller files are sent in one request. */
const PART_BYTES = 8 * MIB;
const PARTS_IN_FLIGHT = 4;
/** S3's own limit. */
const MAX_PARTS = 10_000;

/**
 * Writes a file into the bucket of a user. A large one is written in parts, which are removed after a failure.
 * Repeating it is harmless.
 * @throws AppError OUTBOUND_*; the reason of the signal
 */
export async function putObject(
  client: S3Client,
  sink: ResolvedS3Sink,
  file: LocalFile,
  onBytes: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const address = { Bucket: sink.bucket, Key: objectKey(sink, file.name) };
  try {
    if (file.bytes > PART_BYTES) await putInParts(client, address, file, onBytes, signal);
    else {
      const put = new PutObjectCommand({ ...address, Body: await readFile(file.path) });
      await client.send(put, { ...(signal && { abortSignal: signal }) });
    }
    onBytes(file.bytes);
  } catch (error) {
    signal?.throwIfAborted();
    throw bucketError(s3Host(sink), `s3://${address.Bucket}/${address.Key}`, error);
  }
}

async function putInParts(
  client: S3Client,
  address: { Bucket: string; Key: string },
  { path, bytes }: LocalFile,
  onBytes: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const content = createReadStream(path);
  const upload = new Upload({
    client,
    params: { ...address, Body: content, ContentLength: bytes },
    partSize: Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS)),
    queueSize: PARTS_IN_FLIGHT,
    leavePartsOnError: false,
  });
  upload.on('httpUploadProgress', ({ loaded = 0 }) => onBytes(loaded));
  // Not upload.abort(): it returns at once and would leave existing parts.
  const stop = (): void => void content.destroy(new Error('aborted'));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await upload.done();
  } finally {
    signal?.removeEventListener('abort', stop);
    content.destroy();
  }
}
