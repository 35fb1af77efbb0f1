import type { JobRecord } from '../../contract/job.ts';
import type { CheckpointRecord } from '../../contract/run.ts';
import type { AdapterService } from '../adapters/service.ts';
import type { JobStore } from '../jobs/store.ts';
import {
  checkpointOutcome,
  isSqueezed,
  type PastCheckpoint,
  positionAfter,
  positionBefore,
  startOf,
  supersededIn,
} from './lineage.ts';
import type { RunManifest } from './run-manifest.ts';
import { type CheckpointView, checkpointRecord } from './run-records.ts';
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
  private readonly adapters: Pick<AdapterService, 'findAll'>;

  constructor(runs: RunStore, jobStore: Pick<JobStore, 'all'>, adapters: Pick<AdapterService, 'findAll'>) {
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
    return this.complete(viewsOf(run, log));
  }

  async record(run: RunManifest, log: readonly LogEntry[], index: number): Promise<CheckpointRecord> {
    const [record] = await this.complete([viewsOf(run, log)[index]!]);
    return record!;
  }

  /** Adds the results. If the adapter of one has been removed, its record has no files. */
  private async complete(views: readonly View[]): Promise<CheckpointRecord[]> {
    const results = await this.adapters.findAll(views.flatMap(({ resultId }) => resultId ?? []));
    return views.map(({ resultId, ...view }) =>
      checkpointRecord({ ...view, result: resultId === undefined ? undefined : results.get(resultId) }),
    );
  }
}

/** An entry of a log with the states of its run, and the id of its result if it was squeezed. */
interface View extends Omit<CheckpointView, 'result'> {
  readonly resultId: string | undefined;
}

function viewsOf(run: RunManifest, log: readonly LogEntry[]): View[] {
  const superseded = supersededIn(log);
  let after = startOf(run);
  return log.map((logged, index) => {
    const { checkpoint, outcome, job } = logged;
    const before = positionBefore(checkpoint.step, after);
    after = positionAfter(after, logged);
    const isChanged = outcome.state === 'succeeded' && isSqueezed(logged);
    const resultId = isChanged ? outcome.adapterId! : undefined;
    return { run, checkpoint, job, superseded: superseded[index]!, before, after, resultId };
  });
}
