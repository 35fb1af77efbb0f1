import { setImmediate } from 'node:timers/promises';

/**
 * Runs a function for many items, several at a time, in order. If one fails, items that have not started are skipped,
 * and the first failure is thrown after the started ones have ended. SQLite answers without a turn of the event loop,
 * so one is inserted after each item; otherwise other work would wait for all of them.
 * @returns the results, in the order of the items
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, index);
      } catch (error) {
        failures.push(error);
      }
      await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
