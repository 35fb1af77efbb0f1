import { randomBytes } from 'node:crypto';
import type { Database } from '../database/database.ts';
import { AppError } from '../errors/app-error.ts';
import { STORAGE_ID_KEY } from '../resources/contents/content-files.ts';
import type { BlobStore } from '../storage/blob-store.ts';

/** The storage is not the one that belongs to the database. */
export class ForeignStorage extends AppError {
  override readonly name = 'ForeignStorage';
  private readonly why: string;

  /** @param why the reason, which follows "cannot be used:" */
  constructor(why: string) {
    super('STORAGE_FAILED', `The storage cannot be used: ${why}`, { failure: 'foreign' });
    this.why = why;
  }

  /** The message for the person who starts the service. @param place a folder, or the URL of a bucket */
  operatorMessage(place: string): string {
    return `The storage ${place} cannot be used: ${this.why}`;
  }
}

/**
 * Prefixes of files that only early versions, which had no database, wrote first. This version writes its id before
 * any of them.
 */
const OLD_PREFIXES = ['adapters/', 'blobs/', 'jobs/', 'keys/', 'tenant-records/', 'tenants/'];

/**
 * Ties a database permanently to one storage: when they are first used together, the same id is written to both. Afterwards
 * neither is used with another one, because content would then seem to be missing, or to be garbage.
 */
export class StorageBinding {
  /**
   * Succeeds if the storage may be read. After a failure the check is repeated; after a success it is not.
   * @throws ForeignStorage; AppError STORAGE_FAILED, DATABASE_UNAVAILABLE while it cannot be known
   */
  readonly verify = untilPassed(() => this.isBound());
  /**
   * Succeeds if the storage may be written, with the conditions of `verify`. If both are new, ties the storage to the
   * database.
   * @throws ForeignStorage; AppError STORAGE_FAILED, STORAGE_FULL, DATABASE_UNAVAILABLE
   */
  readonly ensureBound = untilPassed(() => this.bind());
  private readonly store: Pick<BlobStore, 'get' | 'put' | 'list'>;
  private readonly database: Pick<Database, 'reader' | 'write'>;

  constructor(store: Pick<BlobStore, 'get' | 'put' | 'list'>, database: Pick<Database, 'reader' | 'write'>) {
    this.store = store;
    this.database = database;
  }

  /** @returns whether the database and the storage already belong together; otherwise both are new */
  private async isBound(): Promise<boolean> {
    const [before, found] = [await this.readRow(), await this.readStorageId()];
    // A process that starts at the same time may have written its row, and then the id, between the two.
    const known = before ?? (found === undefined ? undefined : await this.readRow());
    if (known && known.id === found) return known.tied_at !== null;
    if (known && known.tied_at !== null)
      throw new ForeignStorage(
        `the database belongs to the storage with the id ${known.id}, but this storage ` +
          `${found === undefined ? 'has no id' : `has the id ${found}`}; set STORAGE_URL to the storage of this database, ` +
          'or start with the database of this storage.',
      );
    if (found !== undefined) throw ofAnotherDatabase(found);
    for (const prefix of OLD_PREFIXES)
      if ((await this.store.list(prefix, { limit: 1 })).length > 0)
        throw new ForeignStorage(
          'it contains records of an early version, which had no database, and this version cannot read them; set ' +
            'DATA_DIR or STORAGE_URL to another storage, or remove this one.',
        );
    return false;
  }

  /**
   * The row is written first and is valid only once the storage has the id, so this may be interrupted anywhere. If two
   * new databases find the same empty storage, the `get` after the `put` decides between them, unless both do this at the
   * same moment. Then both use the storage, and the one whose id was replaced is refused at its next start.
   */
  private async bind(): Promise<void> {
    if (await this.isBound()) return;
    const id = await this.chooseId();
    if ((await this.readStorageId()) === undefined) await this.store.put(STORAGE_ID_KEY, Buffer.from(id));
    const found = await this.readStorageId();
    if (found !== id) throw ofAnotherDatabase(found ?? 'unknown');
    await this.database.write((writer) =>
      writer.updateTable('storage').set({ tied_at: Date.now() }).where('tied_at', 'is', null).execute(),
    );
  }

  private readRow() {
    return this.database.reader.selectFrom('storage').select(['id', 'tied_at']).executeTakeFirst();
  }

  private async readStorageId(): Promise<string | undefined> {
    const bytes = await this.store.get(STORAGE_ID_KEY);
    return bytes && Buffer.from(bytes).toString('utf8');
  }

  /** The id, which is the same for all processes that start at the same time. */
  private async chooseId(): Promise<string> {
    const id = randomBytes(16).toString('hex');
    return this.database.write(async (writer) => {
      await writer
        .insertInto('storage')
        .values({ one: 1, id, tied_at: null })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return (await writer.selectFrom('storage').select('id').executeTakeFirstOrThrow()).id;
    });
  }
}

const ofAnotherDatabase = (found: string): ForeignStorage =>
  new ForeignStorage(
    `it belongs to another database (the id of the storage is ${found}), and this database is new; start with the database of ` +
      'this storage (restored from a backup if necessary), or choose an empty storage with DATA_DIR or ' +
      'STORAGE_URL.',
  );

/** Does something until it has succeeded once; callers that arrive meanwhile get the outcome of the attempt in progress. */
function untilPassed(work: () => Promise<unknown>): () => Promise<void> {
  let isPassed = false;
  let running: Promise<void> | undefined;
  return async () => {
    if (isPassed) return;
    running ??= work()
      .then(() => {
        isPassed = true;
      })
      .finally(() => {
        running = undefined;
      });
    await running;
  };
}
