import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { JobControl } from '../job-control/job-control.ts';
import { isFinal, JobStore } from '../job-store.ts';
import { checkpointPrefix, isRunId, runKey } from '../layout.ts';
import { supersededIn } from '../runs/lineage.ts';
import type { CheckpointManifest } from '../runs/run-manifest.ts';
import { RunStore } from '../runs/run-store.ts';

/** From a checkpoint in the log to its job is a moment; after this whoever was to submit it has died. */
const SUBMITTED_MS = 60_000;

export interface RunRoom {
  readonly store: BlobStore;
  readonly jobControl: Pick<JobControl, 'erase'>;
}

/**
 * Removes a run with its checkpoints and their jobs. Adapters, those that were sent and the results, stay. A checkpoint
 * that is accepted in the very same moment is left to the sweeper.
 * @throws AppError RUN_NOT_FOUND, RUN_IN_USE, STORAGE_*
 */
export async function removeRun({ store, jobControl }: RunRoom, runId: string): Promise<void> {
  const runs = new RunStore(store);
  if (!isRunId(runId) || !(await runs.get(runId))) {
    throw new AppError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(runId)}.`, { run_id: runId });
  }
  const log = await runs.log(runId);
  await refusePending(store, log);
  // The run first: from then on nothing is added.
  await store.remove(runKey(runId));
  await removeCheckpoints(store, runId);
  const jobs = new JobStore(store);
  for (const { job_id } of log) {
    const job = job_id === null ? undefined : await jobs.get(job_id);
    // One that is not final was superseded by a rewind; it ends by itself, and the sweeper has it then.
    if (job && isFinal(job)) await jobControl.erase(job);
  }
}

/** Removes the log of a run that is gone. @throws AppError STORAGE_* */
async function removeCheckpoints(store: BlobStore, runId: string): Promise<void> {
  for (const key of await store.list(checkpointPrefix(runId))) await store.remove(key);
}

async function refusePending(store: BlobStore, log: readonly CheckpointManifest[]): Promise<void> {
  const jobs = new JobStore(store);
  const superseded = supersededIn(log.map((checkpoint) => ({ checkpoint })));
  for (const [index, checkpoint] of log.entries()) {
    const { run_id, step, job_id, created_at } = checkpoint;
    if (superseded[index] || job_id === null) continue;
    const job = await jobs.get(job_id);
    const isOver = job ? isFinal(job) : Date.now() - Date.parse(created_at) > SUBMITTED_MS;
    if (isOver) continue;
    throw new AppError('RUN_IN_USE', `The checkpoint of step ${step} of run ${run_id} is being squeezed.`, {
      run_id,
      step,
      job_id,
    });
  }
}
