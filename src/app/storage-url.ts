import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Folder {
  /** Absolute. */
  readonly folder: string;
}

export interface Bucket {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
}

/** s3://bucket or s3://bucket/prefix, with or without a slash at the end; no segment of the prefix begins with a dot. */
const S3_URL =
  /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/((?:[A-Za-z0-9_-][A-Za-z0-9._-]*)(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?)?\/?$/;

/**
 * What STORAGE_URL names.
 * @param url begins with "file:" or "s3:"
 * @param dataDir absolute; relative folders are below it
 * @returns if it is invalid, what it must be
 */
export function storagePlace(url: string, dataDir: string): Folder | Bucket | string {
  if (url.startsWith('s3:')) {
    const [, bucket, prefix = ''] = S3_URL.exec(url) ?? [];
    if (bucket !== undefined) return { bucket, prefix };
    return (
      's3://bucket/prefix: a bucket of 3 to 63 lower-case letters, digits, dots and hyphens, and a prefix of letters, ' +
      'digits, dots, underscores, hyphens and slashes'
    );
  }
  if (!url.startsWith('file://')) return { folder: resolve(dataDir, url.slice('file:'.length)) };
  try {
    return { folder: fileURLToPath(url) };
  } catch {
    return 'file: and a folder on this machine';
  }
}
