import type { JobRecord } from '../../contract/job.ts';
import type { CheckpointRecord } from '../../contract/run.ts';
import type { AdapterService } from '../adapter-service.ts';
import type { JobService } from '../job-service.ts';
import type { JobStore } from '../job-store.ts';
import { isQueueTrouble } from '../without-queue.ts';
import { checkpointRecord } from './checkpoint-record.ts';
import { courseOf } from './course.ts';
import { isSqueezed, outcomeOf, type Past, positionIn, supersededIn } from './lineage.ts';
import type { RunManifest } from './run-manifest.ts';
import type { RunStore } from './run-store.ts';

/** An entry of a run's log with its job: undefined for keep. */
export interface Logged extends Past {
  readonly job: JobRecord | undefined;
}

/** The logs of runs, each entry with what became of its job. All methods throw AppError DATABASE_UNAVAILABLE; those that find results STORAGE_*. */
export class RunLogs {
  private readonly runs: RunStore;
  private readonly jobStore: Pick<JobStore, 'get' | 'all'>;
  private readonly adapters: Pick<AdapterService, 'find'>;
  private readonly jobs: Pick<JobService, 'ensure'>;

  constructor(
    runs: RunStore,
    jobStore: Pick<JobStore, 'get' | 'all'>,
    adapters: Pick<AdapterService, 'find'>,
    jobs: Pick<JobService, 'ensure'>,
  ) {
    this.runs = runs;
    this.jobStore = jobStore;
    this.adapters = adapters;
    this.jobs = jobs;
  }

  /** A run's log with its jobs as they are recorded, without asking the queue. */
  async read(run: RunManifest): Promise<Logged[]> {
    const log = await this.runs.log(run);
    const jobs = await this.jobStore.all(log.map(({ job_id }) => job_id).filter((id) => id !== null));
    return log.map((checkpoint) => {
      const job = checkpoint.job_id === null ? undefined : jobs.get(checkpoint.job_id);
      return { checkpoint, job, outcome: outcomeOf(checkpoint, job) };
    });
  }

  /**
   * The log with what the queue knows of the job that is pending; queues it where a crash kept that from happening.
   * @throws AppError QUEUE_UNAVAILABLE
   */
  follow(log: readonly Logged[]): Promise<Logged[]> {
    const superseded = supersededIn(log);
    return Promise.all(
      log.map(async (logged, index) => {
        if (superseded[index] || logged.outcome.state !== 'pending') return logged;
        const { checkpoint } = logged;
        const job = await this.jobs.ensure(checkpoint.job_id!);
        return { checkpoint, job, outcome: outcomeOf(checkpoint, job) };
      }),
    );
  }

  /** Queues an entry's job unless that is done. Without the queue it is queued later. */
  async submit({ checkpoint, outcome, job }: Logged): Promise<JobRecord | undefined> {
    if (outcome.state !== 'pending') return job;
    const jobId = checkpoint.job_id!;
    try {
      return await this.jobs.ensure(jobId);
    } catch (error) {
      if (isQueueTrouble(error)) return this.jobStore.get(jobId);
      throw error;
    }
  }

  /** The entries of a log as clients see them. */
  records(run: RunManifest, log: readonly Logged[]): Promise<CheckpointRecord[]> {
    return Promise.all(log.map((_, index) => this.record(run, log, index)));
  }

  async record(run: RunManifest, log: readonly Logged[], index: number): Promise<CheckpointRecord> {
    const logged = log[index]!;
    const { checkpoint, outcome, job } = logged;
    const isChanged = outcome.state === 'succeeded' && isSqueezed(logged);
    return checkpointRecord({
      run,
      checkpoint,
      job,
      superseded: supersededIn(log)[index]!,
      before: positionIn(run, log.slice(0, index), checkpoint.step),
      course: courseOf(run, log.slice(0, index + 1)),
      // Where it was removed since, the checkpoint has no files.
      result: isChanged ? await this.adapters.find(outcome.adapterId!) : undefined,
    });
  }
}
