import type { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { S3Source } from '../../contract/transfer.ts';
import { AppError } from '../../errors/app-error.ts';
import { boundedBody } from '../../net/bounded-body.ts';
import type { OpenedFile, RemoteFile } from '../remote-file.ts';
import { hostOf, keyOf } from './s3-client.ts';
import { s3Error } from './s3-error.ts';

const HTTP_PRECONDITION_FAILED = 412;

/** An object in the bucket of a user. */
export class S3File implements RemoteFile {
  readonly name: string;
  readonly sha256 = undefined;
  readonly host: string;
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly key: string;
  private etag: string | undefined;

  constructor(client: S3Client, source: S3Source, name: string) {
    this.client = client;
    this.name = name;
    this.host = hostOf(source);
    this.bucket = source.bucket;
    this.key = keyOf(source, name);
  }

  async open(from: number, signal: AbortSignal | undefined): Promise<OpenedFile> {
    const start = this.etag === undefined ? 0 : from;
    const place = `s3://${this.bucket}/${this.key}`;
    const failed = (error: unknown): AppError => s3Error(this.host, place, error);
    try {
      const { Body, ContentLength, ContentRange, ETag } = await this.client.send(
        new GetObjectCommand({
          Bucket: this.bucket,
          Key: this.key,
          ...(start > 0 && { Range: `bytes=${start}-`, IfMatch: this.etag! }),
        }),
        { ...(signal && { abortSignal: signal }) },
      );
      this.etag = ETag;
      // A store that does not know ranges sends all of it again.
      const begin = ContentRange === undefined ? 0 : start;
      return {
        stream: boundedBody(Body as Readable, {
          maxBytes: undefined,
          tooLarge: () => failed(undefined),
          failed,
        }),
        from: begin,
        totalBytes: ContentLength === undefined ? undefined : begin + ContentLength,
      };
    } catch (error) {
      signal?.throwIfAborted();
      if (start > 0 && statusOf(error) === HTTP_PRECONDITION_FAILED) {
        // Another object lies there now: the next attempt begins with its first byte.
        this.etag = undefined;
        throw new AppError('OUTBOUND_FAILED', `${place} changed while it was read.`, { host: this.host });
      }
      throw failed(error);
    }
  }
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
