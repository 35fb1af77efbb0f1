import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../errors.ts';
import { SCRATCH_FOLDER } from '../blob-key.ts';
import { answered } from './answered.ts';
import type { S3Limits } from './s3-client.ts';
import { type ObjectAddress, writeOnce } from './write-once.ts';

/**
 * Whether the store honours `If-None-Match: *`. Some ignore it without a word, and then two workers that end the same
 * job would both be told that they were first. So it is tried once before anything depends on it.
 */
export class ConditionalWrites {
  private readonly client: S3Client;
  private readonly limits: S3Limits;
  private readonly addressOf: (key: string) => ObjectAddress;
  private proof: Promise<void> | undefined;

  /** @param addressOf where an object lies by its key, which need not be that of a blob */
  constructor(client: S3Client, limits: S3Limits, addressOf: (key: string) => ObjectAddress) {
    this.client = client;
    this.limits = limits;
    this.addressOf = addressOf;
  }

  /** @throws AppError STORAGE_FAILED when they are ignored, and whatever the SDK throws; then the next call tries again */
  ensure(): Promise<void> {
    this.proof ??= this.probe().catch((error: unknown) => {
      this.proof = undefined;
      throw error;
    });
    return this.proof;
  }

  private async probe(): Promise<void> {
    const address = this.addressOf(`${SCRATCH_FOLDER}/probe-${randomUUID()}`);
    await writeOnce(this.client, this.limits, address, Uint8Array.of(1));
    const isIgnored = await writeOnce(this.client, this.limits, address, Uint8Array.of(2));
    const remove = new DeleteObjectCommand(address);
    await answered(this.limits, (options) => this.client.send(remove, options));
    if (!isIgnored) return;
    throw new AppError(
      'STORAGE_FAILED',
      `The store of bucket ${address.Bucket} ignores "If-None-Match: *": a second writer replaced what the first one ` +
        'had written. It cannot be used; conditional writes are needed.',
      { bucket: address.Bucket },
    );
  }
}
