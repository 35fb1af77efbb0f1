import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { blobKey, blobRemovalKey } from '../layout.ts';
import { RemovalMark } from './removal-mark.ts';

/** Content to be kept under its digest. */
export interface Content {
  /** SHA-256, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Makes sure that a blob is there, and stays for the grace of the sweeper: by then something durable has to refer to
 * it. Content that is here already is touched and not written again.
 *
 * The sweeper may be about to remove the same blob, which nobody referred to until now. It announces that (RemovalMark),
 * looks at the blob's age after that, and removes it. So a blob that was touched while nothing was announced, and is
 * there when still nothing is announced, is safe: any later look finds it young. One that was missing is written anew,
 * and is young from the start.
 * @param write writes the content to a key
 * @throws AppError STORAGE_*
 */
export async function keepBlob(
  store: BlobStore,
  { sha256, bytes }: Content,
  write: (key: string) => Promise<unknown>,
): Promise<void> {
  const key = blobKey(sha256);
  const removal = new RemovalMark(store, blobRemovalKey(sha256));
  for (;;) {
    await removal.waitUntilFree();
    // Of another size it is damaged.
    if ((await store.touch(key))?.bytes !== bytes) {
      await write(key);
      return;
    }
    if ((await removal.isFree()) && (await store.stat(key))?.bytes === bytes) return;
  }
}

/**
 * A file as a blob; it is gone from its path, unless the blob was there already.
 * @param content without a path: of a blob that has to be there
 * @throws AppError STORAGE_*
 */
export const keepFile = (store: BlobStore, content: Content & { readonly path?: string }): Promise<void> =>
  keepBlob(store, content, async (key) => {
    if (content.path === undefined)
      throw new AppError('STORAGE_FAILED', `The storage lost the file with the digest ${content.sha256}.`);
    await store.putFile(key, content.path);
  });
