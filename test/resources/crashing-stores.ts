import type { Database } from '../../src/database/database.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';

const WRITES: readonly string[] = ['put', 'putFile', 'remove'] satisfies (keyof BlobStore)[];

export class SimulatedCrash extends Error {}

/** What a process that is going to die stands on. */
export interface CrashingStores {
  readonly store: BlobStore;
  readonly database: Database;
  /** Counts a write; throws where the process is dead by then. */
  readonly count: () => void;
  /** Those that were let through. */
  readonly writes: () => number;
}

/** Lets so many writes into the storage or the database through, and none from then on. */
export function crashAfterWrites(
  { store, database }: { readonly store: BlobStore; readonly database: Database },
  lifeInWrites: number,
): CrashingStores {
  let writes = 0;
  const count = (): void => {
    if (writes >= lifeInWrites) throw new SimulatedCrash();
    writes++;
  };
  const dying = new Proxy(store, {
    get(target, name: keyof BlobStore) {
      const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
      if (!WRITES.includes(name)) return method;
      return async (...args: unknown[]) => {
        count();
        return method(...args);
      };
    },
  });
  const write: Database['write'] = async (work) => {
    count();
    return database.write(work);
  };
  return { store: dying, database: { ...database, write }, count, writes: () => writes };
}
