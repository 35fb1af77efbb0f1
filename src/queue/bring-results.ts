import type { DeliveredAdapter, RecordedDeliver } from '../contract/transfer-job.ts';
import { AppError } from '../errors.ts';
import { mayPass } from '../storage/storage-error.ts';

/**
 * Brings results to their places, one after the other.
 * @throws AppError of a failure that may pass, while there are attempts left; CANCELLED
 */
export async function bringResults(
  wanted: RecordedDeliver,
  bring: (item: RecordedDeliver[number]) => Promise<DeliveredAdapter>,
  { isLast }: { readonly isLast: boolean },
): Promise<{ deliveries: DeliveredAdapter[]; error: AppError | null }> {
  const deliveries: DeliveredAdapter[] = [];
  for (const item of wanted) {
    try {
      deliveries.push(await bring(item));
    } catch (error) {
      const isFinal =
        error instanceof AppError &&
        (isLast || !error.retryable) &&
        error.code !== 'CANCELLED' &&
        // Whether it counts is not known here.
        !mayPass(error);
      if (!isFinal) throw error;
      return { deliveries, error };
    }
  }
  return { deliveries, error: null };
}
