import type { DeliveryAttempt, DeliveryRecord, DeliveryState, DeliveryType } from '../../contract/webhook.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { DeliveryTable } from '../../database/tables.ts';

/** Long enough to investigate what a receiver missed; the schedule of attempts ends after three days. */
const KEPT_MS = 30 * 86_400_000;

/** Rows that are removed in one transaction, which must not delay other work for long. */
const REMOVED_AT_ONCE = 500;

/** The columns of a record: all but the payload and the counts. */
export const DELIVERY_COLUMNS = [
  'id',
  'webhook',
  'type',
  'subject',
  'state',
  'attempts',
  'created_at',
  'next_attempt_at',
] as const satisfies readonly (keyof DeliveryTable)[];

/** A delivery that is to be attempted at once. */
export const newDelivery = (
  about: Pick<DeliveryTable, 'id' | 'webhook' | 'tenant' | 'subject' | 'payload'> & { type: DeliveryType },
  nowMs: number,
): DeliveryTable => ({
  ...about,
  ...{ state: 'pending', attempts: '[]', attempts_made: 0, attempts_before: 0 },
  ...{ created_at: nowMs, next_attempt_at: nowMs },
});

/** A delivery in the form of the API. */
export const deliveryRecord = (
  row: Pick<DeliveryTable, (typeof DELIVERY_COLUMNS)[number]>,
): DeliveryRecord => ({
  id: row.id,
  webhook_id: row.webhook,
  type: row.type as DeliveryType,
  subject: row.subject,
  state: row.state as DeliveryState,
  created_at: new Date(row.created_at).toISOString(),
  next_attempt_at: row.next_attempt_at === null ? null : new Date(row.next_attempt_at).toISOString(),
  attempts: JSON.parse(row.attempts) as DeliveryAttempt[],
});

const keysOf = (writer: Writer) => writer.selectFrom('delivery').select(['webhook', 'id']);
type Keys = ReturnType<typeof keysOf>;

/**
 * Removes any number of deliveries, in short transactions.
 * @param chosen narrows a query of all deliveries to those to be removed
 * @returns the number of removed deliveries
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL; what has been removed by then stays removed
 */
export async function removeDeliveries(database: Database, chosen: (all: Keys) => Keys): Promise<number> {
  for (let removed = 0; ; ) {
    const { numDeletedRows } = await database.write((writer) => {
      // Locked, so that a delivery that is reopened at this moment is not chosen.
      const some = database.locked(chosen(keysOf(writer)).limit(REMOVED_AT_ONCE));
      return writer
        .deleteFrom('delivery')
        .where(({ eb, refTuple }) => eb(refTuple('webhook', 'id'), 'in', some.$asTuple('webhook', 'id')))
        .executeTakeFirst();
    });
    removed += Number(numDeletedRows);
    if (numDeletedRows < REMOVED_AT_ONCE) return removed;
  }
}

/**
 * Removes finished deliveries that were created at least a month ago.
 * @returns the number of removed deliveries
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export const removeOldDeliveries = (database: Database, nowMs: number): Promise<number> =>
  removeDeliveries(database, (all) =>
    all.where('next_attempt_at', 'is', null).where('created_at', '<', nowMs - KEPT_MS),
  );
