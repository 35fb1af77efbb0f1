import type { Database, Writer } from '../../database/database.ts';
import { newWriteId } from '../../database/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { ContentWriter, contentKey, isInline, type NewFile, type WrittenFile } from './content-files.ts';

/** The time within which an abandoned write may still reach the storage. */
const LATE_WRITE_MS = 600_000;
/** Longer than anything that writes takes until its record exists: an upload, or an attempt at a job. */
const MAX_WRITE_MS = 3 * 86_400_000;
/** Attempts to settle a digest that others write or remove at the same time. */
const TRIES = 5;

/** Files that are stored durably until a record refers to them, with the write that stored them. */
export interface WrittenFiles {
  /** null if nothing had to be written to the storage. */
  readonly writeId: string | null;
  readonly files: readonly WrittenFile[];
}

/**
 * Content: bytes in the storage, or in the database if they are few, stored once for all records that refer to them.
 * A write is recorded before its bytes are sent, and becomes content in the transaction in which a record refers to
 * it (registerContents), so the remains of a crash are found. Nothing is locked: if content is being removed, another
 * copy is made. All methods throw AppError DATABASE_UNAVAILABLE, STORAGE_*.
 */
export class Contents {
  private readonly database: Database;
  private readonly store: BlobStore;

  constructor(database: Database, store: BlobStore) {
    this.database = database;
    this.store = store;
  }

  /** Abandons a write to which no record will refer; its bytes are removed soon. */
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

  /** Stores files durably. Known contents are not written again; the other files are moved away from their paths. */
  async write(files: readonly NewFile[]): Promise<WrittenFiles> {
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
          await this.restore(id, file);
          written.push({ name, sha256, bytes });
        }
      }
    } catch (error) {
      await this.abandon((await writer.writeId) ?? null).catch(() => undefined);
      throw error;
    }
    return { writeId: (await writer.writeId) ?? null, files: written };
  }

  /** Writes the bytes of known content again if the storage has lost them. */
  private async restore(id: string, file: NewFile): Promise<void> {
    const key = contentKey(id);
    if ((await this.store.stat(key))?.bytes === file.bytes) return;
    if ('data' in file) await this.store.put(key, file.data);
    else await this.store.putFile(key, file.path);
  }

  /** Stored digests with their ids. The sweeper keeps them for its grace period, even without references. */
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

/** Records that bytes are about to be written. @returns the id of the write */
export async function beginWrite({ after }: Pick<Database, 'after'>, writer: Writer): Promise<string> {
  const id = newWriteId(Date.now());
  await writer
    .insertInto('content_write')
    .values({ id, expires_at: after(MAX_WRITE_MS) })
    .execute();
  return id;
}

/**
 * Turns written files into content, in the transaction that refers to them.
 * @returns ids of the contents by their digests
 * @throws AppError STORAGE_FAILED if the bytes have been removed; the request must be sent again
 */
export async function registerContents(
  writer: Writer,
  { writeId, files }: WrittenFiles,
): Promise<ReadonlyMap<string, string>> {
  if (writeId !== null) {
    const { numDeletedRows } = await writer
      .deleteFrom('content_write')
      .where('id', '=', writeId)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw lost();
  }
  /** The first file of each digest. */
  const wanted = new Map(files.toReversed().map((file) => [file.sha256, file]));
  const settled = await existing(writer, [...wanted.keys()]);
  for (let tries = 0; settled.size < wanted.size; tries++) {
    if (tries === TRIES) throw lost();
    const missing = [...wanted.values()].filter(({ sha256 }) => !settled.has(sha256));
    const insertedRows = await inserted(writer, missing);
    const others = missing.map(({ sha256 }) => sha256).filter((sha256) => !insertedRows.has(sha256));
    for (const [sha256, id] of [...insertedRows, ...(await existing(writer, others))])
      settled.set(sha256, id);
  }
  // Equal files of a write share their bytes.
  await insertSuperfluous(
    writer,
    [...wanted.values()].filter(
      ({ sha256, writtenAs }) => writtenAs !== undefined && writtenAs !== settled.get(sha256),
    ),
  );
  return settled;
}

/** The ids by digests of stored content to which records now refer. */
async function existing(writer: Writer, digests: readonly string[]): Promise<Map<string, string>> {
  if (digests.length === 0) return new Map();
  const rows = await writer
    .updateTable('content')
    .set({ released_at: null })
    .where('sha256', 'in', digests)
    .where('state', '=', 'stored')
    .returning(['id', 'sha256'])
    .execute();
  return new Map(rows.map(({ id, sha256 }) => [sha256, id]));
}

/**
 * The ids by digests of files that have just become content. The others were settled by other transactions at the
 * same moment.
 */
async function inserted(writer: Writer, files: readonly WrittenFile[]): Promise<Map<string, string>> {
  const contents = files.map(({ sha256, bytes, inline, writtenAs }) => {
    if (inline === undefined && writtenAs === undefined) throw lost();
    return {
      id: writtenAs ?? newWriteId(Date.now()),
      sha256,
      bytes,
      state: 'stored' as const,
      inline: inline === undefined ? null : Buffer.from(inline, 'base64'),
      released_at: null,
    };
  });
  const rows = await writer
    .insertInto('content')
    .values(contents)
    .onConflict((conflict) => conflict.doNothing())
    .returning(['id', 'sha256'])
    .execute();
  return new Map(rows.map(({ id, sha256 }) => [sha256, id]));
}

/** Notes bytes whose content is already stored under other ids, so that they are removed. */
async function insertSuperfluous(writer: Writer, files: readonly WrittenFile[]): Promise<void> {
  if (files.length === 0) return;
  const contents = files.map(({ writtenAs, sha256, bytes }) => ({
    ...{ id: writtenAs!, sha256, bytes, state: 'deleting' as const },
    ...{ inline: null, released_at: null },
  }));
  await writer.insertInto('content').values(contents).execute();
}

/** Ends a reference to these contents; the sweeper checks whether there are others. */
export async function releaseContent(
  { now }: Pick<Database, 'now'>,
  writer: Writer,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await writer
    .updateTable('content')
    .set({ released_at: now })
    .where('id', 'in', ids)
    .where('state', '=', 'stored')
    .execute();
}

const lost = (): AppError =>
  new AppError(
    'STORAGE_FAILED',
    'The files were removed before an adapter or a job used them. Send them again.',
    {
      failure: 'removed',
    },
  );
