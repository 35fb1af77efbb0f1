import type { ObserveBackend } from '../backend-calls.ts';
import type { BlobStore } from './blob-store.ts';
import { DiskStore } from './disk-store.ts';
import { observedStore } from './observed-store.ts';
import type { S3Options } from './s3/s3-client.ts';

export interface StorageOptions {
  /** Absolute. Folder of the blobs; with S3 that of local copies and of files on their way. */
  readonly storageDir: string;
  /** undefined: blobs are files in `storageDir`. */
  readonly s3: S3Options | undefined;
  /** How long the store may be silent while a caller waits for it, in milliseconds. */
  readonly storageIdleTimeoutMs?: number;
  /** Called for each call, for requests that were sent again, and for what was in the cache or was not. */
  readonly observe?: ObserveBackend | undefined;
}

/** A store with what its process holds of it. */
export interface OpenStore extends BlobStore {
  /** Removes this process's scratch. The store must not be used afterwards. */
  close(): Promise<void>;
}

/**
 * Opens the store that the configuration names. One that cannot be reached or written opens all the same: its `check()`
 * says what is wrong, and it is used as soon as it can be.
 * @throws AppError STORAGE_FULL, STORAGE_FAILED when S3's local folder cannot be used
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
  // Imported only here: the AWS SDK takes its time and memory, which a store on the disk need not pay.
  const { S3Store } = await import('./s3/s3-store.ts');
  return S3Store.open(storageDir, s3, storageIdleTimeoutMs, observe);
}
