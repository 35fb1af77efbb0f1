import type { JobRecord } from '../../contract/job.ts';
import type { CheckpointRecord } from '../../contract/run.ts';
import type { AdapterService } from '../adapters/service.ts';
import type { JobStore } from '../jobs/store.ts';
import { checkpointOutcome, isSqueezed, type PastCheckpoint, positionIn, supersededIn } from './lineage.ts';
import type { RunManifest } from './run-manifest.ts';
import { runProgress } from './run-progress.ts';
import { checkpointRecord } from './run-records.ts';
import type { RunStore } from './store.ts';

/** An entry of a run's log with its job, which is undefined for keep. */
export interface LogEntry extends PastCheckpoint {
  readonly job: JobRecord | undefined;
}

/**
 * The logs of runs, each entry with the outcome of its job. All methods throw AppError DATABASE_UNAVAILABLE; those
 * that find results STORAGE_*.
 */
export class RunLogs {
  private readonly runs: RunStore;
  private readonly jobStore: Pick<JobStore, 'all'>;
  private readonly adapters: Pick<AdapterService, 'find'>;

  constructor(runs: RunStore, jobStore: Pick<JobStore, 'all'>, adapters: Pick<AdapterService, 'find'>) {
    this.runs = runs;
    this.jobStore = jobStore;
    this.adapters = adapters;
  }

  /** A run's log with its jobs. */
  async read(run: RunManifest): Promise<LogEntry[]> {
    const log = await this.runs.log(run);
    const jobs = await this.jobStore.all(log.map(({ job_id }) => job_id).filter((id) => id !== null));
    return log.map((checkpoint) => {
      const job = checkpoint.job_id === null ? undefined : jobs.get(checkpoint.job_id);
      return { checkpoint, job, outcome: checkpointOutcome(checkpoint, job) };
    });
  }

  /** The entries of a log in the form of the API. */
  records(run: RunManifest, log: readonly LogEntry[]): Promise<CheckpointRecord[]> {
    return Promise.all(log.map((_, index) => this.record(run, log, index)));
  }

  async record(run: RunManifest, log: readonly LogEntry[], index: number): Promise<CheckpointRecord> {
    const logged = log[index]!;
    const { checkpoint, outcome, job } = logged;
    const isChanged = outcome.state === 'succeeded' && isSqueezed(logged);
    return checkpointRecord({
      run,
      checkpoint,
      job,
      superseded: supersededIn(log)[index]!,
      before: positionIn(run, log.slice(0, index), checkpoint.step),
      course: runProgress(run, log.slice(0, index + 1)),
      // If the adapter has been removed, the record has no files.
      result: isChanged ? await this.adapters.find(outcome.adapterId!) : undefined,
    });
  }
}
