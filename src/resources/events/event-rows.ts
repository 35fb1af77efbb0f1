import type { Database, Writer } from '../../database/database.ts';
import type { OutgoingEvent } from './outgoing-event.ts';

/** Places for events of one millisecond, so that events of a later millisecond come after them. */
const PLACES_A_MS = 1_000;

/** Rows of one statement: SQLite accepts 32,766 values, and PostgreSQL twice as many. */
const ROWS_AT_ONCE = 500;

/** The first place of a time, which is given in milliseconds since 1970. */
export const placeAtTime = (ms: number): number => Math.floor(ms) * PLACES_A_MS;

/**
 * Stores events for streams, in their order, as the last part of a transaction. Only one transaction at a time gets
 * places, so a client that has seen one event has seen all before it. Places contain the time, so after a restore
 * from a backup they continue above any that a client has seen.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function insertEvents(
  database: Database,
  writer: Writer,
  tenant: string,
  events: readonly OutgoingEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await database.lockExclusively(writer, 'events');
  const newest = await writer
    .selectFrom('event')
    .select('place')
    .orderBy('place', 'desc')
    .limit(1)
    .executeTakeFirst();
  const first = Math.max((newest?.place ?? 0) + 1, placeAtTime(Date.now()));
  const rows = events.map(({ type, job, batch, labels, body }, index) => ({
    place: first + index,
    ...{ tenant, type, job, batch, labels: JSON.stringify(labels), body },
  }));
  for (let begin = 0; begin < rows.length; begin += ROWS_AT_ONCE)
    await writer
      .insertInto('event')
      .values(rows.slice(begin, begin + ROWS_AT_ONCE))
      .execute();
}
