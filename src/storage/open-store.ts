import type { ObserveBackend } from '../backend-calls.ts';
import type { BlobStore } from './blob-store.ts';
import { DiskStore } from './disk-store.ts';
import { observedStore } from './observed-store.ts';
import type { S3Options } from './s3/s3-client.ts';

export interface StorageOptions {
  /** Absolute folder of the blobs or, with S3, of local copies and of files in transit. */
  readonly storageDir: string;
  /** undefined: blobs are files in `storageDir`. */
  readonly s3: S3Options | undefined;
  /** How long the storage may be silent while a caller waits for it, in milliseconds. */
  readonly storageIdleTimeoutMs?: number;
  /** Called for each call, for repeated requests, and for hits and misses of the cache. */
  readonly observe?: ObserveBackend | undefined;
}

/** A storage with the resources of its process. */
export interface OpenStore extends BlobStore {
  /** Removes the scratch folder of this process. The storage must not be used afterwards. */
  close(): Promise<void>;
}

/**
 * Opens the configured storage. This succeeds even if it cannot be reached or written: `check()` then reports the
 * reason, and the storage is used as soon as it works.
 * @throws AppError STORAGE_FULL, STORAGE_FAILED if the local folder of S3 cannot be used
 */
export async function openStore(options: StorageOptions): Promise<OpenStore> {
  const store = await anyStore(options);
  return options.observe ? observedStore(store, options.observe) : store;
}

async function anyStore({
  storageDir,
  s3,
  storageIdleTimeoutMs,
  observe,
}: StorageOptions): Promise<OpenStore> {
  if (s3 === undefined) return DiskStore.openPatiently(storageDir, storageIdleTimeoutMs);
  // Imported only here, because the AWS SDK takes time and memory that a storage on the disk does not need.
  const { S3Store } = await import('./s3/s3-store.ts');
  return S3Store.open(storageDir, s3, storageIdleTimeoutMs, observe);
}
