import type { Database } from '../../database/database.ts';
import { removeDeliveries } from './delivery-rows.ts';

/** Long enough to look into what a receiver missed; the schedule of attempts ends after three days. */
const KEPT_MS = 30 * 86_400_000;

/**
 * Removes the deliveries of webhooks that are final and were made a month ago.
 * @returns how many
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export const removeOldDeliveries = (database: Database, nowMs: number): Promise<number> =>
  removeDeliveries(database, (all) =>
    all.where('next_attempt_at', 'is', null).where('created_at', '<', nowMs - KEPT_MS),
  );
