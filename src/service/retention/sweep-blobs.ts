import type { BlobStore } from '../../storage/blob-store.ts';
import { BLOBS_PREFIX, blobKey, blobRemovalKey } from '../layout.ts';
import { RemovalMark } from './removal-mark.ts';
import { AT_ONCE, keysOf, LEFT_MARK_MS, type Sweep } from './sweep.ts';
import { isSha256, Unreferenced } from './unreferenced.ts';

/** All blobs, as if nobody referred to them. Marks that a dead process left go on the way. */
export async function allBlobs(store: BlobStore, startMs: number): Promise<Unreferenced> {
  const unreferenced = new Unreferenced();
  for await (const key of keysOf(store, BLOBS_PREFIX)) {
    const name = key.slice(key.lastIndexOf('/') + 1);
    if (isSha256(name)) unreferenced.add(name);
    else await store.removeUnmodified(key, startMs - LEFT_MARK_MS);
  }
  return unreferenced;
}

/**
 * Removes what is left of them, folder by folder: announced, so that who keeps a blob of the folder at the same time
 * waits for a moment (see keepBlob), and only those that nobody wrote or touched within the grace before the sweep.
 */
export async function removeBlobs(store: BlobStore, { unreferenced, cutoffMs, swept }: Sweep): Promise<void> {
  for (const digests of unreferenced.byFolder().values()) {
    const removal = new RemovalMark(store, blobRemovalKey(digests[0]!));
    await removal.hold(async (mayGoOn) => {
      for (let begin = 0; begin < digests.length && mayGoOn(); begin += AT_ONCE) {
        const some = digests.slice(begin, begin + AT_ONCE);
        const removed = await Promise.all(
          some.map((sha256) => store.removeUnmodified(blobKey(sha256), cutoffMs)),
        );
        for (const blob of removed) if (blob) swept.add('blob', blob.bytes);
      }
    });
  }
}
