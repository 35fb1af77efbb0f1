import { roleOf } from '../../adapter/file-names.ts';
import type { UploadFilename } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../adapters/service.ts';
import type { Share } from './store.ts';

/** What a tenant may have in uploads that no adapter was made of yet, complete ones too. */
export const MAX_UPLOADS = 100;
/** Times the largest file. */
export const MAX_UPLOADS_SIZE = 4;

export const maxBytesOf = (filename: UploadFilename, maxUploadBytes: number): number =>
  roleOf(filename) === 'config' ? Math.min(MAX_CONFIG_BYTES, maxUploadBytes) : maxUploadBytes;

export function tooLarge(filename: UploadFilename, limitBytes: number, bytes?: number): AppError {
  const code = roleOf(filename) === 'config' ? 'CONFIG_TOO_LARGE' : 'UPLOAD_TOO_LARGE';
  const size = bytes === undefined ? `is larger than ${limitBytes} bytes` : `has ${bytes} bytes`;
  return new AppError(code, `${filename} ${size}; it may have ${limitBytes}.`, {
    file: filename,
    ...(bytes !== undefined && { bytes }),
    limit_bytes: limitBytes,
  });
}

/**
 * @param share of the tenant, all that was announced or may still come
 * @throws AppError QUOTA_UPLOADS
 */
export function checkShare({ uploads, bytes }: Share, maxUploadBytes: number): void {
  if (uploads > MAX_UPLOADS) throw full(`${MAX_UPLOADS} uploads`, { limit: MAX_UPLOADS });
  const limitBytes = MAX_UPLOADS_SIZE * maxUploadBytes;
  if (bytes > limitBytes) throw full(`uploads of ${limitBytes} bytes`, { bytes, limit_bytes: limitBytes });
}

const full = (limit: string, context: AppError['context']): AppError =>
  new AppError(
    'QUOTA_UPLOADS',
    `No more than ${limit} can wait for adapters to be made of them; make some, or remove what is not needed.`,
    context,
  );
