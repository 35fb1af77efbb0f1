import { randomUUID } from 'node:crypto';
import type { Database, Writer } from '../../database/database.ts';
import { isPast } from '../../database/sql.ts';

/** How long the hold of a killed backup lasts. */
const HOLD_MS = 600_000;
const RENEWAL_MS = HOLD_MS / 10;

/** The owner of a row that always exists. Adding a hold and marking content as deleted both lock this row. */
const LOCK_ROW_OWNER = '';

/**
 * Runs `work` while no content that exists at its start is deleted.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL, and the errors of `work`
 */
export async function withDeletionHold<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const owner = randomUUID();
  await renewHold(database, owner);
  let renewal = Promise.resolve();
  const timer = setInterval(() => {
    // If a renewal fails, the next one makes up for it.
    renewal = renewHold(database, owner).catch(() => undefined);
  }, RENEWAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await renewal;
    // If the database is unavailable, the hold ends by itself.
    await database
      .write((writer) => writer.deleteFrom('hold').where('owner', '=', owner).execute())
      .catch(() => undefined);
  }
}

/** Begins or renews a hold, and removes expired ones. */
async function renewHold(database: Database, owner: string): Promise<void> {
  const { now } = database;
  await database.write(async (writer) => {
    await lockHolds(database, writer);
    await writer
      .deleteFrom('hold')
      .where('owner', '<>', LOCK_ROW_OWNER)
      .where(isPast(database, 'expires_at', HOLD_MS))
      .execute();
    await writer
      .insertInto('hold')
      .values(({ eb }) => ({ owner, expires_at: eb(now, '+', HOLD_MS) }))
      .onConflict((conflict) =>
        conflict.column('owner').doUpdateSet(({ ref }) => ({ expires_at: ref('excluded.expires_at') })),
      )
      .execute();
  });
}

/** Whether content must be kept, for the duration of the transaction. */
export async function isDeletionHeld(database: Database, writer: Writer): Promise<boolean> {
  await lockHolds(database, writer);
  const row = await writer
    .selectFrom('hold')
    .select('owner')
    .where('owner', '<>', LOCK_ROW_OWNER)
    .where(({ not }) => not(isPast(database, 'expires_at', HOLD_MS)))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Waits for transactions that are marking content, so that what is read after a hold has begun includes their marks.
 */
const lockHolds = (database: Database, writer: Writer) =>
  database.locked(writer.selectFrom('hold').select('owner').where('owner', '=', LOCK_ROW_OWNER)).execute();
