import { CONFIG_FILE, isPickleName, isWeightsName, roleOf, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { pickleRefused } from '../../adapter/pickle-refused.ts';
import { isShardIndexName } from '../../adapter/shard-names.ts';
import type { UploadFilename } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../../formats/peft/limits.ts';
import type { UploadUsage } from './store.ts';

const EXPECTED: readonly string[] = [WEIGHTS_FILE, CONFIG_FILE];
const MAX_SHOWN = 80;

/** The codes with which a file name is refused. */
export const FILENAME_ERRORS = ['UPLOAD_FILENAME', 'PICKLE_REFUSED'] as const;

/** Limits of a tenant's uploads that are not part of an adapter, complete ones included. */
export const MAX_UPLOADS = 100;
/** Their total size, as a multiple of the largest file allowed. */
export const MAX_UPLOADS_SIZE = 4;

export const maxBytesOf = (filename: UploadFilename, maxUploadBytes: number): number =>
  roleOf(filename) === 'config' ? Math.min(MAX_CONFIG_BYTES, maxUploadBytes) : maxUploadBytes;

export function tooLarge(filename: UploadFilename, limitBytes: number, bytes?: number): AppError {
  const code = roleOf(filename) === 'config' ? 'CONFIG_TOO_LARGE' : 'UPLOAD_TOO_LARGE';
  const limit = `the limit of ${limitBytes} bytes`;
  const what = bytes === undefined ? `is larger than ${limit}` : `has ${bytes} bytes, which exceeds ${limit}`;
  return new AppError(code, `${filename} ${what}.`, {
    file: filename,
    ...(bytes !== undefined && { bytes }),
    limit_bytes: limitBytes,
  });
}

/**
 * @param share what the tenant's uploads take: the announced lengths, or the limit for those of unknown length
 * @throws AppError QUOTA_UPLOADS
 */
export function checkUploadUsage({ uploads, bytes }: UploadUsage, maxUploadBytes: number): void {
  if (uploads > MAX_UPLOADS) throw full(`${MAX_UPLOADS} uploads`, { limit: MAX_UPLOADS });
  const limitBytes = MAX_UPLOADS_SIZE * maxUploadBytes;
  if (bytes > limitBytes) throw full(`${limitBytes} bytes of uploads`, { bytes, limit_bytes: limitBytes });
}

const full = (limit: string, context: AppError['context']): AppError =>
  new AppError(
    'QUOTA_UPLOADS',
    `A tenant can have at most ${limit} that are not part of an adapter. Create adapters from some of them, or delete ` +
      'those that are not needed.',
    context,
  );

/**
 * Which file of an adapter an upload is, by the name that was sent with it. Names are compared, never used as paths.
 * @param where the header or field that should have the name, for the message
 * @throws AppError UPLOAD_FILENAME, PICKLE_REFUSED
 */
export function uploadFilename(name: unknown, where: string): UploadFilename {
  const wanted = `send the name ${CONFIG_FILE}, or one that ends in .safetensors or .gguf, in ${where}`;
  if (typeof name !== 'string' || name === '')
    throw new AppError('UPLOAD_FILENAME', `The upload has no file name; ${wanted}.`, {
      expected: EXPECTED,
    });
  if (name === CONFIG_FILE || isWeightsName(name)) return name;
  if (isPickleName(name)) throw pickleRefused(name);
  if (isShardIndexName(name)) throw indexNotNeeded(name);
  const shown = JSON.stringify(name.slice(0, MAX_SHOWN));
  throw new AppError('UPLOAD_FILENAME', `The file name ${shown} cannot be used; ${wanted}.`, {
    filename: name.slice(0, MAX_SHOWN),
    expected: EXPECTED,
  });
}

/** The names of shards say how many shards there are. */
const indexNotNeeded = (name: string): AppError =>
  new AppError(
    'UPLOAD_FILENAME',
    `${JSON.stringify(name.slice(0, MAX_SHOWN))} is the index of weights in several files, which is not needed here: ` +
      'upload the files themselves, and name all of them as weights when the adapter is created.',
    { filename: name.slice(0, MAX_SHOWN), expected: EXPECTED },
  );
