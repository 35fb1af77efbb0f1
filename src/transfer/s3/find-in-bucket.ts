import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { type ChosenFiles, chooseWeights } from '../../adapter/choose-weights.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { S3Source } from '../../contract/transfer.ts';
import { AppError } from '../../errors/app-error.ts';
import { retrying } from '../retries.ts';
import { hostOf, keyOf } from './s3-client.ts';
import { s3Error } from './s3-error.ts';

/** One page: a folder with more files than this is not one of an adapter. */
const MAX_LISTED = 1000;

/**
 * Finds an adapter in a folder of a bucket. Credentials that may read but not list find one of PEFT, and weights that
 * are named, with a configuration only where PEFT has one.
 * @throws AppError FILE_MISSING, PICKLE_REFUSED, OUTBOUND_*; the signal's reason
 */
export async function findInBucket(
  client: S3Client,
  source: S3Source,
  signal: AbortSignal | undefined,
): Promise<ChosenFiles> {
  const place = `s3://${source.bucket}/${keyOf(source, '')}`;
  let names: readonly string[];
  try {
    names = await retrying(() => namesIn(client, source, place, signal), signal);
  } catch (error) {
    if (!mayNotList(error)) throw error;
    const { weights = WEIGHTS_FILE } = source;
    return { weights, config: weights === WEIGHTS_FILE ? CONFIG_FILE : null };
  }
  const { weights } = source;
  if (weights === undefined) return chooseWeights(names, place);
  if (names.includes(weights)) return { weights, config: names.includes(CONFIG_FILE) ? CONFIG_FILE : null };
  throw new AppError('FILE_MISSING', `${place} has no ${weights}.`, { folder: place, missing: [weights] });
}

/** Names of the objects right in the folder. */
async function namesIn(
  client: S3Client,
  source: S3Source,
  place: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const prefix = keyOf(source, '');
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
    throw s3Error(hostOf(source), place, error);
  }
}

const mayNotList = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'OUTBOUND_REFUSED' &&
  /\((?:AccessDenied|Forbidden)\)/.test(error.message);
