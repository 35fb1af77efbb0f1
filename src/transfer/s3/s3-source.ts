import type { Readable } from 'node:stream';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { type ChosenFiles, chooseWeights, chosenWeights } from '../../adapter/choose-weights.ts';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { AppError } from '../../errors/app-error.ts';
import { boundedBody } from '../../net/bounded-body.ts';
import type { OpenedFile, RemoteFile } from '../receive-file.ts';
import type { ResolvedS3Source } from '../resolved-endpoints.ts';
import { withRetries } from '../retries.ts';
import { bucketError, objectKey, s3Host } from './s3-client.ts';

const HTTP_PRECONDITION_FAILED = 412;

/** One page of keys: a folder with more files than this is not an adapter. */
const MAX_LISTED = 1000;

/**
 * Finds an adapter in a folder of a bucket. With credentials that may read but not list, only PEFT's file names and
 * named weights can be found, the latter with PEFT's configuration.
 * @throws AppError FILE_MISSING, PICKLE_REFUSED, OUTBOUND_*; the reason of the signal
 */
export async function findInBucket(
  client: S3Client,
  source: ResolvedS3Source,
  signal: AbortSignal | undefined,
): Promise<ChosenFiles> {
  const place = `s3://${source.bucket}/${objectKey(source, '')}`;
  let names: readonly string[];
  try {
    names = await withRetries(() => namesIn(client, source, place, signal), signal);
  } catch (error) {
    if (!mayNotList(error)) throw error;
    const { weights = WEIGHTS_FILE } = source;
    const { weights: files } = chosenWeights([weights], weights);
    return { weights: files, config: weights === WEIGHTS_FILE ? CONFIG_FILE : null, card: CARD_FILE };
  }
  const { weights } = source;
  if (weights === undefined) return chooseWeights(names, place);
  if (names.includes(weights)) return chosenWeights(names, weights);
  throw new AppError('FILE_MISSING', `${place} has no ${weights}.`, { folder: place, missing: [weights] });
}

/**
 * The paths of all objects below a folder, relative to it, in the order of their keys.
 * @throws AppError OUTBOUND_*; the reason of the signal
 */
export async function* pathsInBucket(
  client: S3Client,
  source: ResolvedS3Source,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const prefix = objectKey(source, '');
  const place = `s3://${source.bucket}/${prefix}`;
  for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
    const command = new ListObjectsV2Command({
      ...{ Bucket: source.bucket, Prefix: prefix, MaxKeys: MAX_LISTED },
      ...(next !== undefined && { ContinuationToken: next }),
    });
    const page = await withRetries(async () => {
      try {
        return await client.send(command, { ...(signal && { abortSignal: signal }) });
      } catch (error) {
        signal?.throwIfAborted();
        throw bucketError(s3Host(source), place, error);
      }
    }, signal);
    for (const { Key = '' } of page.Contents ?? []) yield Key.slice(prefix.length);
    next = page.NextContinuationToken;
  }
}

/** The names of the objects directly in the folder. */
async function namesIn(
  client: S3Client,
  source: ResolvedS3Source,
  place: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const prefix = objectKey(source, '');
  try {
    const { Contents = [] } = await client.send(
      new ListObjectsV2Command({
        Bucket: source.bucket,
        Prefix: prefix,
        Delimiter: '/',
        MaxKeys: MAX_LISTED,
      }),
      { ...(signal && { abortSignal: signal }) },
    );
    return Contents.map(({ Key = '' }) => Key.slice(prefix.length));
  } catch (error) {
    signal?.throwIfAborted();
    throw bucketError(s3Host(source), place, error);
  }
}

const mayNotList = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'OUTBOUND_REFUSED' &&
  /\((?:AccessDenied|Forbidden)\)/.test(error.message);

/** An object in the bucket of a user. */
export class S3File implements RemoteFile {
  readonly name: string;
  readonly sha256 = undefined;
  readonly host: string;
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly key: string;
  private etag: string | undefined;

  constructor(client: S3Client, source: ResolvedS3Source, name: string) {
    this.client = client;
    this.name = name;
    this.host = s3Host(source);
    this.bucket = source.bucket;
    this.key = objectKey(source, name);
  }

  async open(from: number, signal: AbortSignal | undefined): Promise<OpenedFile> {
    const start = this.etag === undefined ? 0 : from;
    const place = `s3://${this.bucket}/${this.key}`;
    const failed = (error: unknown): AppError => bucketError(this.host, place, error);
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
      // A store that does not support ranges sends the whole object again.
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
        // The object was replaced: the next attempt starts at its first byte.
        this.etag = undefined;
        throw new AppError('OUTBOUND_FAILED', `${place} changed while it was being read.`, {
          host: this.host,
        });
      }
      throw failed(error);
    }
  }
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
