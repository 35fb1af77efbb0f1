import type { Database } from '../../database/database.ts';
import { placeAtTime } from './event-rows.ts';

/** How long events are kept, and how many. A client that was disconnected for longer reads lists instead. */
export interface EventRetention {
  readonly keptMs: number;
  /** The most events of one tenant. */
  readonly maxEvents: number;
}

/** Rows that are removed in one transaction, which must not delay other work for long. */
const REMOVED_AT_ONCE = 500;

/**
 * Removes the events of all tenants that are too old or too many, the oldest first.
 * @returns the number of removed events
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL; what has been removed by then stays removed
 */
export async function removeOldEvents(
  database: Database,
  nowMs: number,
  { keptMs, maxEvents }: EventRetention,
): Promise<number> {
  const tenants = await database.reader.selectFrom('tenant').select('id').execute();
  let removed = 0;
  for (const { id } of tenants) {
    const surplus = await database.reader
      .selectFrom('event')
      .select('place')
      .where('tenant', '=', id)
      .orderBy('place', 'desc')
      .offset(maxEvents)
      .limit(1)
      .executeTakeFirst();
    removed += await removeThrough(
      database,
      id,
      Math.max(placeAtTime(nowMs - keptMs) - 1, surplus?.place ?? 0),
    );
  }
  return removed;
}

async function removeThrough(database: Database, tenant: string, through: number): Promise<number> {
  for (let removed = 0; ; ) {
    const count = await database.write(async (writer) => {
      const rows = await writer
        .selectFrom('event')
        .select('place')
        .where('tenant', '=', tenant)
        .where('place', '<=', through)
        .orderBy('place')
        .limit(REMOVED_AT_ONCE)
        .execute();
      const last = rows.at(-1);
      if (!last) return 0;
      await writer
        .deleteFrom('event')
        .where('tenant', '=', tenant)
        .where('place', '<=', last.place)
        .execute();
      await writer
        .insertInto('event_horizon')
        .values({ tenant, removed_through: last.place })
        .onConflict((conflict) =>
          conflict
            .column('tenant')
            .doUpdateSet({ removed_through: last.place })
            .where('event_horizon.removed_through', '<', last.place),
        )
        .execute();
      return rows.length;
    });
    removed += count;
    if (count < REMOVED_AT_ONCE) return removed;
  }
}
