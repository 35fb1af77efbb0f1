import type { JobRecord } from '../../contract/job.ts';
import { BatchStore } from '../batches/batch-store.ts';
import { isFinal, JobStore } from '../job-store.ts';
import {
  idOfKey,
  JOB_LABELS_PREFIX,
  JOBS_PREFIX,
  jobIdOfKey,
  OUTCOMES_PREFIX,
  REPORTS_PREFIX,
} from '../layout.ts';
import { forEach, keysOf, removeStrays, type Sweep, type SweptSpace } from './sweep.ts';

/**
 * Removes jobs whose time is over, and those of runs that are gone; notes the blobs that all others refer to. A job of
 * a batch that has not ended stays until then.
 */
export async function sweepJobs(space: SweptSpace, sweep: Sweep): Promise<void> {
  const { store, runStore, jobControl } = space;
  const jobs = new JobStore(store);
  const batches = new BatchStore(store);
  const ids = new Set<string>();

  const isOver = async (record: JobRecord): Promise<boolean> => {
    if (!isFinal(record)) return false;
    const { request, expires_at, batch_id } = record;
    if (request.kind === 'checkpoint') return (await runStore.get(request.run_id)) === undefined;
    if (expires_at === null || Date.parse(expires_at) > sweep.startMs) return false;
    return batch_id === null || !(await batches.isPending(batch_id));
  };

  await forEach(keysOf(store, JOBS_PREFIX), async (key) => {
    const id = jobIdOfKey(key);
    const record = await jobs.get(id);
    if (!record) return;
    if (await isOver(record)) {
      await jobControl.erase(record);
      return sweep.swept.add('job');
    }
    ids.add(id);
    for (const sha256 of referredTo(record)) sweep.unreferenced.found(sha256);
  });

  const isStray = (name: string): boolean => !ids.has(idOfKey(name));
  for (const prefix of [OUTCOMES_PREFIX, REPORTS_PREFIX, JOB_LABELS_PREFIX])
    await removeStrays(space, sweep, prefix, isStray);
}

/** Content that a job reads or wrote, besides adapters. */
function referredTo({ request, results }: JobRecord): string[] {
  const moments = request.kind === 'checkpoint' && request.optimizer ? [request.optimizer.sha256] : [];
  return [
    ...moments,
    ...results.flatMap(({ training }) => training?.files.map(({ sha256 }) => sha256) ?? []),
  ];
}
