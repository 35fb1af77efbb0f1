import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../errors/app-error.ts';
import type { ObjectAddress, S3Limits } from './s3-client.ts';
import { sendWithTimeout } from './s3-client.ts';

/** The most keys that S3 returns in one response. */
const PAGE_KEYS = 1000;

/**
 * Keys of the objects whose key begins with that of `address`, after `after` if it is not empty, in code unit order.
 * @param limit about how many are wanted: the size of a page
 * @throws AppError STORAGE_FAILED if the store returns them in another order, as S3's directory buckets do, because
 *   pages would then miss some
 */
export async function* listObjects(
  client: S3Client,
  limits: S3Limits,
  { Bucket, Key: Prefix }: ObjectAddress,
  after: string,
  limit: number,
): AsyncGenerator<string> {
  let token: string | undefined;
  let last = '';
  do {
    const page = new ListObjectsV2Command({
      Bucket,
      Prefix,
      MaxKeys: Math.max(1, Math.min(PAGE_KEYS, limit)),
      ...(after !== '' && { StartAfter: after }),
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const { Contents = [], NextContinuationToken } = await sendWithTimeout(limits, (options) =>
      client.send(page, options),
    );
    for (const { Key = '' } of Contents) {
      if (Key <= last) throw outOfOrder(Bucket, last, Key);
      last = Key;
      yield Key;
    }
    token = NextContinuationToken;
  } while (token !== undefined);
}

const outOfOrder = (bucket: string, first: string, second: string): AppError =>
  new AppError(
    'STORAGE_FAILED',
    `The store of bucket ${bucket} does not list keys in order ("${first}" before "${second}"). It cannot be used.`,
    { bucket, first, second },
  );
