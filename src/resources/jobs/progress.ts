import type { Progress } from '../../contract/job.ts';
import type { JobQueue } from '../../dispatch/job-queue.ts';
import { withoutQueue } from '../../dispatch/job-queue.ts';
import type { JobStore } from './store.ts';

/**
 * How far those of some jobs have come that run now, by their ids. Without the queue nothing is known of that.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function progressOf(
  jobs: Pick<JobStore, 'dispatches'>,
  queue: Pick<JobQueue, 'progress'>,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, Progress>> {
  const dispatches = await jobs.dispatches(jobIds);
  if (dispatches.size === 0) return new Map();
  const known = await withoutQueue(queue.progress([...new Set(dispatches.values())]));
  const found = new Map<string, Progress>();
  for (const [id, dispatch] of dispatches) {
    const progress = known?.get(dispatch);
    if (progress) found.set(id, progress);
  }
  return found;
}
