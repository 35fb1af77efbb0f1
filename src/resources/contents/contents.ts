import type { Database } from '../../database/database.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { ContentWriter, isInline, type NewFile, type WrittenFile } from './content-files.ts';
import { contentKey } from './content-key.ts';
import { beginWrite } from './content-rows.ts';

/** What was given up may still come to the storage for so long. */
const LATE_WRITE_MS = 600_000;

/** Files that are safe until a record refers to them, with the write that made them so. */
export interface Written {
  /** null: nothing had to be written to the storage. */
  readonly writeId: string | null;
  readonly files: readonly WrittenFile[];
}

/**
 * Content: bytes in the storage, or in the database where they are few, once for all who refer to them. A write is recorded
 * before its bytes go out, and becomes content in the transaction in which something refers to it (settleContent), so
 * whatever a crash leaves is found. Nobody waits for anybody: of content that is being removed another copy is made.
 * All methods throw AppError DATABASE_UNAVAILABLE, STORAGE_*.
 */
export class Contents {
  private readonly database: Database;
  private readonly store: BlobStore;

  constructor(database: Database, store: BlobStore) {
    this.database = database;
    this.store = store;
  }

  /** Nobody will refer to what was written: it is removed soon. */
  async abandon(writeId: string | null): Promise<void> {
    if (writeId === null) return;
    await this.database.write((writer) =>
      writer
        .updateTable('content_write')
        .set({ expires_at: this.database.after(LATE_WRITE_MS) })
        .where('id', '=', writeId)
        .execute(),
    );
  }

  /** Makes files safe; those that are here already are not written again. Others are gone from their paths. */
  async write(files: readonly NewFile[]): Promise<Written> {
    const known = await this.known(files.filter((file) => !isInline(file)));
    const writer = new ContentWriter(this.store, () =>
      this.database.write((transaction) => beginWrite(this.database, transaction)),
    );
    const written: WrittenFile[] = [];
    try {
      for (const file of files) {
        const { name, sha256, bytes } = file;
        const id = known.get(sha256);
        if (id === undefined) written.push(await writer.write(file));
        else {
          await this.mend(id, file);
          written.push({ name, sha256, bytes });
        }
      }
    } catch (error) {
      await this.abandon((await writer.writeId) ?? null).catch(() => undefined);
      throw error;
    }
    return { writeId: (await writer.writeId) ?? null, files: written };
  }

  /** Of content that is known the storage may have lost the bytes, which are here now. */
  private async mend(id: string, file: NewFile): Promise<void> {
    const key = contentKey(id);
    if ((await this.store.stat(key))?.bytes === file.bytes) return;
    if ('data' in file) await this.store.put(key, file.data);
    else await this.store.putFile(key, file.path);
  }

  /** Which digests are here, with their ids. They stay for the grace of the sweeper, also when nobody refers to them. */
  private async known(files: readonly NewFile[]): Promise<ReadonlyMap<string, string>> {
    if (files.length === 0) return new Map();
    const rows = await this.database.reader
      .selectFrom('content')
      .select(['id', 'sha256', 'released_at'])
      .where('sha256', 'in', [...new Set(files.map(({ sha256 }) => sha256))])
      .where('state', '=', 'stored')
      .execute();
    const released = rows.filter(({ released_at }) => released_at !== null).map(({ id }) => id);
    const others = rows.filter(({ released_at }) => released_at === null);
    const kept =
      released.length === 0
        ? []
        : await this.database.write((writer) =>
            writer
              .updateTable('content')
              .set({ released_at: this.database.now })
              .where('id', 'in', released)
              .where('state', '=', 'stored')
              .returning(['id', 'sha256'])
              .execute(),
          );
    return new Map([...others, ...kept].map(({ id, sha256 }) => [sha256, id]));
  }
}
