import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { answered } from './answered.ts';
import type { S3Limits } from './s3-client.ts';
import { attemptsOf, statusOf } from './s3-error.ts';

const HTTP_CONFLICT = 409;
const HTTP_PRECONDITION_FAILED = 412;
/** S3 answers 409 to a conditional write that met another one in flight, and says: try again. */
const MAX_CONFLICTS = 8;
const CONFLICT_PAUSE_MS = 50;

export interface ObjectAddress {
  readonly Bucket: string;
  readonly Key: string;
}

/** Writes an object unless there is one: false when there is, and then nothing changes. */
export async function writeOnce(
  client: S3Client,
  limits: S3Limits,
  address: ObjectAddress,
  bytes: Uint8Array,
): Promise<boolean> {
  const writer = randomUUID();
  for (let attempt = 1; ; attempt++) {
    try {
      const write = new PutObjectCommand({ ...address, Body: bytes, IfNoneMatch: '*', Metadata: { writer } });
      await answered(limits, (options) => client.send(write, options), bytes.byteLength);
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status === HTTP_PRECONDITION_FAILED) {
        // The object in the way may be our own, of a request whose answer was lost.
        return attempt + attemptsOf(error) > 2 && (await writerOf(client, limits, address)) === writer;
      }
      if (status !== HTTP_CONFLICT || attempt > MAX_CONFLICTS) throw error;
      await sleep(CONFLICT_PAUSE_MS * attempt * Math.random());
    }
  }
}

async function writerOf(
  client: S3Client,
  limits: S3Limits,
  address: ObjectAddress,
): Promise<string | undefined> {
  const head = await answered(limits, (options) => client.send(new HeadObjectCommand(address), options));
  return head.Metadata?.writer;
}
