import type { Database, Writer } from '../../database/database.ts';
import { newWriteId } from '../../database/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import type { WrittenFile } from './content-files.ts';
import type { Written } from './contents.ts';

/** Longer than anything takes from its beginning to its record: an upload, or an attempt at a job. */
const LONGEST_WRITE_MS = 3 * 86_400_000;

/** Of a digest that others write or remove in the same moment. */
const TRIES = 5;

/** Records that bytes are about to be written, and returns the id of the write. */
export async function beginWrite({ after }: Pick<Database, 'after'>, writer: Writer): Promise<string> {
  const id = newWriteId(Date.now());
  await writer
    .insertInto('content_write')
    .values({ id, expires_at: after(LONGEST_WRITE_MS) })
    .execute();
  return id;
}

/**
 * Makes content of what was written, in the transaction that refers to it.
 * @returns ids of the contents by their digests
 * @throws AppError STORAGE_FAILED where the bytes were removed meanwhile: the request has to be sent again
 */
export async function settleContent(
  writer: Writer,
  { writeId, files }: Written,
): Promise<ReadonlyMap<string, string>> {
  if (writeId !== null) {
    const { numDeletedRows } = await writer
      .deleteFrom('content_write')
      .where('id', '=', writeId)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw lost();
  }
  const settled = new Map<string, string>();
  for (const file of files) {
    const id = settled.get(file.sha256) ?? (await existing(writer, file)) ?? (await inserted(writer, file));
    settled.set(file.sha256, id);
    // It is here already under another id.
    if (file.writtenAs !== undefined && file.writtenAs !== id) await insertSuperfluous(writer, file);
  }
  return settled;
}

/** Content that is here, to which somebody refers now. */
async function existing(writer: Writer, { sha256 }: WrittenFile): Promise<string | undefined> {
  const row = await writer
    .updateTable('content')
    .set({ released_at: null })
    .where('sha256', '=', sha256)
    .where('state', '=', 'stored')
    .returning('id')
    .executeTakeFirst();
  return row?.id;
}

async function inserted(writer: Writer, file: WrittenFile): Promise<string> {
  const { sha256, bytes, inline, writtenAs } = file;
  if (inline === undefined && writtenAs === undefined) throw lost();
  for (let tries = 0; tries < TRIES; tries++) {
    const row = await writer
      .insertInto('content')
      .values({
        id: writtenAs ?? newWriteId(Date.now()),
        sha256,
        bytes,
        state: 'stored',
        inline: inline === undefined ? null : Buffer.from(inline, 'base64'),
        released_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    const id = row?.id ?? (await existing(writer, file));
    if (id !== undefined) return id;
  }
  throw lost();
}

async function insertSuperfluous(writer: Writer, { writtenAs, sha256, bytes }: WrittenFile): Promise<void> {
  await writer
    .insertInto('content')
    .values({ id: writtenAs!, sha256, bytes, state: 'deleting', inline: null, released_at: null })
    .execute();
}

/** Somebody has ceased to refer to these contents: the sweeper looks whether anybody still does. */
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
    'The files were removed before anything referred to them. Send them again.',
    {
      failure: 'removed',
    },
  );
