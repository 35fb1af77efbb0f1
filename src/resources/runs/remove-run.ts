import { AppError } from '../../errors/app-error.ts';
import type { JobControl } from '../jobs/control.ts';
import { isFinal, type JobStore } from '../jobs/store.ts';
import { supersededIn } from './lineage.ts';
import type { CheckpointManifest } from './run-manifest.ts';
import type { RunStore } from './store.ts';

/** The parts of a workspace that are needed to remove a run. */
export interface RunRemovalWorkspace {
  readonly runStore: RunStore;
  readonly jobStore: JobStore;
  readonly jobControl: Pick<JobControl, 'erase'>;
}

/** The errors of removing a run. */
export const REMOVE_RUN_ERRORS = ['RUN_NOT_FOUND', 'RUN_IN_USE', 'STORAGE_FULL', 'STORAGE_FAILED'] as const;

/**
 * Removes a run with its checkpoints and their jobs. The uploaded adapters and the results stay.
 * @throws AppError RUN_NOT_FOUND, RUN_IN_USE, DATABASE_UNAVAILABLE, STORAGE_*
 */
export async function removeRun(
  { runStore, jobStore, jobControl }: RunRemovalWorkspace,
  runId: string,
): Promise<void> {
  let log: readonly CheckpointManifest[];
  do {
    const run = await runStore.get(runId);
    if (!run)
      throw new AppError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(runId)}.`, { run_id: runId });
    log = await runStore.log(run);
    await refusePending(jobStore, log);
    // Repeated if a checkpoint arrived meanwhile, which may have to be squeezed.
  } while (!(await runStore.remove({ id: runId }, log.length)));
  const jobs = await jobStore.all(idsOf(log));
  for (const { job_id } of log) {
    const job = job_id === null ? undefined : jobs.get(job_id);
    // A job that has not ended was superseded by a rewind. It ends on its own, and then the sweeper removes it.
    if (job && isFinal(job)) await jobControl.erase(job);
  }
}

const idsOf = (log: readonly CheckpointManifest[]): string[] =>
  log.map(({ job_id }) => job_id).filter((id) => id !== null);

async function refusePending(store: JobStore, log: readonly CheckpointManifest[]): Promise<void> {
  const jobs = await store.all(idsOf(log));
  const superseded = supersededIn(log.map((checkpoint) => ({ checkpoint })));
  for (const [index, checkpoint] of log.entries()) {
    const { run_id, step, job_id } = checkpoint;
    if (superseded[index] || job_id === null) continue;
    const job = jobs.get(job_id);
    if (!job || isFinal(job)) continue;
    throw new AppError('RUN_IN_USE', `The checkpoint of step ${step} of run ${run_id} is being squeezed.`, {
      run_id,
      step,
      job_id,
    });
  }
}
