import type { Quotas } from '../../contract/tenant.ts';
import { AppError } from '../../errors/app-error.ts';
import { type UsedSpace, usageOf } from './usage.ts';

/** What is needed of a workspace to know how much it may store, and stores. */
export interface StoringSpace extends UsedSpace {
  readonly quotas: () => Promise<Quotas>;
}

/**
 * Refuses an adapter that is more than a tenant may store. Costs nothing where there is no limit. Uploads that are
 * checked at the same moment each see the room without the other: they may exceed the limit together, by what they
 * bring; the next one is refused then. Results of jobs count, but are never refused.
 * @param bytes of the adapter's files
 * @throws AppError QUOTA_TOO_SMALL for an adapter that is larger than the limit, QUOTA_STORED_BYTES, DATABASE_UNAVAILABLE
 */
export async function checkStoredBytes(space: StoringSpace, bytes: number): Promise<void> {
  const { stored_bytes: limit } = await space.quotas();
  if (limit === null || limit === undefined) return;
  // No adapter has no bytes.
  if (Math.max(1, bytes) > limit)
    throw new AppError(
      'QUOTA_TOO_SMALL',
      `An adapter of ${bytes} bytes exceeds the ${limit} bytes that the tenant may store.`,
      { limit, wanted: bytes },
    );
  const { stored_bytes: used } = await usageOf(space);
  if (used + bytes <= limit) return;
  throw new AppError(
    'QUOTA_STORED_BYTES',
    `The tenant stores ${used} of ${limit} bytes; there is no room for ${bytes} more. Remove adapters that are not needed.`,
    { used, limit, wanted: bytes },
  );
}
