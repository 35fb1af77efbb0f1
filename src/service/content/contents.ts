import type { Database } from '../../database/database.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { newWriteId } from '../layout.ts';
import { ContentWriter, isInline, type NewFile, type WrittenFile } from './content-files.ts';

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

  /** Records that bytes are about to be written, and returns the id of the write. */
  async begin(): Promise<string> {
    const id = newWriteId(Date.now());
    await this.database.write((writer) =>
      writer.insertInto('content_write').values({ id, begun_at: Date.now() }).execute(),
    );
    return id;
  }

  /** Nobody will refer to what was written: it is removed at the next occasion. */
  async abandon(writeId: string | null): Promise<void> {
    if (writeId === null) return;
    await this.database.write((writer) =>
      writer.updateTable('content_write').set({ begun_at: 0 }).where('id', '=', writeId).execute(),
    );
  }

  /** Makes files safe; those that are here already are not written again. Others are gone from their paths. */
  async write(files: readonly NewFile[]): Promise<Written> {
    const known = await this.known(files.filter((file) => !isInline(file)));
    const writer = new ContentWriter(this.store, () => this.begin());
    const written: WrittenFile[] = [];
    try {
      for (const file of files) {
        const { name, sha256, bytes } = file;
        written.push(known.has(sha256) ? { name, sha256, bytes } : await writer.write(file));
      }
    } catch (error) {
      await this.abandon((await writer.writeId) ?? null).catch(() => undefined);
      throw error;
    }
    return { writeId: (await writer.writeId) ?? null, files: written };
  }

  /** Which digests are here. They stay for the grace of the sweeper, also when nobody refers to them. */
  private async known(files: readonly NewFile[]): Promise<ReadonlySet<string>> {
    if (files.length === 0) return new Set();
    const rows = await this.database.reader
      .selectFrom('content')
      .select(['id', 'sha256', 'released_at'])
      .where('sha256', 'in', [...new Set(files.map(({ sha256 }) => sha256))])
      .where('state', '=', 'stored')
      .execute();
    const released = rows.filter(({ released_at }) => released_at !== null).map(({ id }) => id);
    if (released.length === 0) return new Set(rows.map(({ sha256 }) => sha256));
    const kept = await this.database.write((writer) =>
      writer
        .updateTable('content')
        .set({ released_at: Date.now() })
        .where('id', 'in', released)
        .where('state', '=', 'stored')
        .returning('sha256')
        .execute(),
    );
    const others = rows.filter(({ released_at }) => released_at === null);
    return new Set([...others, ...kept].map(({ sha256 }) => sha256));
  }
}
