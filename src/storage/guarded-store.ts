import type { BlobStore } from './blob-store.ts';

/** Called before every use; throws if the storage must not be used. */
export interface StoreGuard {
  readonly mayRead: () => Promise<void>;
  readonly mayWrite: () => Promise<void>;
}

/** A storage that calls its guard before every use. */
export function guardedStore(store: BlobStore, { mayRead, mayWrite }: StoreGuard): BlobStore {
  const after =
    (may: () => Promise<void>) =>
    <Args extends unknown[], Result>(use: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await may();
      return use.apply(store, args);
    };
  const [reads, writes] = [after(mayRead), after(mayWrite)];
  return {
    putFile: writes(store.putFile),
    put: writes(store.put),
    get: reads(store.get),
    stat: reads(store.stat),
    read: reads(store.read),
    localFile: reads(store.localFile),
    list: reads(store.list),
    remove: writes(store.remove),
    makeScratch: writes(store.makeScratch),
    check: writes(store.check),
    checkReads: reads(store.checkReads),
  };
}
