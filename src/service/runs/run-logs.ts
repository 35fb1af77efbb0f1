import type { JobRecord } from '../../contract/job.ts';
import type { CheckpointRecord } from '../../contract/run.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { AdapterService } from '../adapter-service.ts';
import type { JobService } from '../job-service.ts';
import { JobStore } from '../job-store.ts';
import { isQueueTrouble } from '../without-queue.ts';
import { checkpointRecord } from './checkpoint-record.ts';
import { courseOf } from './course.ts';
import { isSqueezed, outcomeOf, type Past, positionIn, supersededIn } from './lineage.ts';
import type { RunManifest } from './run-manifest.ts';
import type { RunStore } from './run-store.ts';
import { squeezeJob } from './squeeze-job.ts';

/** An entry of a run's log with its job: undefined for keep, and while it was not submitted. */
export interface Logged extends Past {
  readonly job: JobRecord | undefined;
}

/** The logs of runs, each entry with what became of its job. All methods throw AppError DATABASE_UNAVAILABLE, STORAGE_*. */
export class RunLogs {
  private readonly runs: RunStore;
  private readonly jobStore: JobStore;
  private readonly adapters: Pick<AdapterService, 'find'>;
  private readonly jobs: Pick<JobService, 'ensure'>;

  constructor(
    runs: RunStore,
    blobs: BlobStore,
    adapters: Pick<AdapterService, 'find'>,
    jobs: Pick<JobService, 'ensure'>,
  ) {
    this.runs = runs;
    this.jobStore = new JobStore(blobs);
    this.adapters = adapters;
    this.jobs = jobs;
  }

  /** A run's log with its jobs as they are recorded, without asking the queue. */
  async read(run: RunManifest): Promise<Logged[]> {
    const log: Logged[] = [];
    for (const checkpoint of await this.runs.log(run)) {
      const job = checkpoint.job_id === null ? undefined : await this.jobStore.get(checkpoint.job_id);
      log.push({ checkpoint, job, outcome: outcomeOf(checkpoint, job) });
    }
    return log;
  }

  /**
   * The log with what the queue knows of the job that is pending; submits it where a crash kept that from happening.
   * @throws AppError QUEUE_UNAVAILABLE
   */
  follow(run: RunManifest, log: readonly Logged[]): Promise<Logged[]> {
    const superseded = supersededIn(log);
    return Promise.all(
      log.map(async (logged, index) => {
        if (superseded[index] || logged.outcome.state !== 'pending') return logged;
        const { checkpoint } = logged;
        const job = await this.jobs.ensure(checkpoint.job_id!, squeezeJob(run, checkpoint));
        return { checkpoint, job, outcome: outcomeOf(checkpoint, job) };
      }),
    );
  }

  /** Submits an entry's job unless that is done. Without the queue it stays in the storage, to be queued later. */
  async submit(run: RunManifest, { checkpoint, outcome, job }: Logged): Promise<JobRecord | undefined> {
    if (outcome.state !== 'pending') return job;
    const jobId = checkpoint.job_id!;
    try {
      return await this.jobs.ensure(jobId, squeezeJob(run, checkpoint));
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
      result: isChanged ? await this.adapters.find(outcome.adapterId) : undefined,
    });
  }
}
