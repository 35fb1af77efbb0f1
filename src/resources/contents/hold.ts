import { randomUUID } from 'node:crypto';
import type { Database, Writer } from '../../database/database.ts';
import { hasCome } from '../../database/sql.ts';

/** A backup that was killed holds content for so long. */
const HOLD_MS = 600_000;
const RENEWAL_MS = HOLD_MS / 10;

/** Owner of a row that always exists. Adding a hold, and marking content as deleted, lock this row. */
const NOBODY = '';

/**
 * Does some work while no content that is stored when it begins is deleted.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL, and what `work` throws
 */
export async function withHold<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const owner = randomUUID();
  await hold(database, owner);
  let renewal = Promise.resolve();
  const timer = setInterval(() => {
    // One that fails is made up for by the next.
    renewal = hold(database, owner).catch(() => undefined);
  }, RENEWAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await renewal;
    // It ends automatically if the database is unavailable.
    await database
      .write((writer) => writer.deleteFrom('hold').where('owner', '=', owner).execute())
      .catch(() => undefined);
  }
}

/** Begins or renews a hold, and removes those that are over. */
async function hold(database: Database, owner: string): Promise<void> {
  const { now } = database;
  await database.write(async (writer) => {
    await lockHolds(database, writer);
    await writer
      .deleteFrom('hold')
      .where('owner', '<>', NOBODY)
      .where(hasCome(database, 'expires_at', HOLD_MS))
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

/** Whether content has to stay, for as long as the transaction lasts. */
export async function isHeld(database: Database, writer: Writer): Promise<boolean> {
  await lockHolds(database, writer);
  const row = await writer
    .selectFrom('hold')
    .select('owner')
    .where('owner', '<>', NOBODY)
    .where(({ not }) => not(hasCome(database, 'expires_at', HOLD_MS)))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Who marked content before a hold begins has ended by then, so that what is read after it knows. */
const lockHolds = (database: Database, writer: Writer) =>
  database.locked(writer.selectFrom('hold').select('owner').where('owner', '=', NOBODY)).execute();
