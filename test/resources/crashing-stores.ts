import type { Database } from '../../src/database/database.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';

const WRITES: readonly string[] = ['put', 'putFile', 'remove'] satisfies (keyof BlobStore)[];

export class SimulatedCrash extends Error {}

/** The storage and the database of a process that is going to die. */
export interface CrashingStores {
  readonly store: BlobStore;
  readonly database: Database;
  /** Counts a write; throws if the process is dead by then. */
  readonly count: () => void;
  /** Writes that succeeded. */
  readonly writes: () => number;
}

/** Lets this many writes to the storage or the database succeed, and none afterwards. */
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
