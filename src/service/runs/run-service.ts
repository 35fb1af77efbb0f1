import type { CheckpointRecord, RunRecord, RunRequest } from '../../contract/run.ts';
import { AppError } from '../../errors.ts';
import { planSchedule } from '../../schedule/plan-schedule.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { acceptedJob } from '../accepted-job.ts';
import type { AdapterService } from '../adapter-service.ts';
import type { JobService } from '../job-service.ts';
import type { JobStore } from '../job-store.ts';
import { blobKey, newJobId, newRunId } from '../layout.ts';
import { keepBlob, keepFile } from '../retention/keep-blob.ts';
import { planAdaptive } from './adaptive-plan.ts';
import {
  type CheckpointUpload,
  type ModuleList,
  type ReadCheckpoint,
  readCheckpoint,
} from './checkpoint-upload.ts';
import { type Arrival, type Decision, decide, type Plan } from './decide.ts';
import { outcomeOf, type Past } from './lineage.ts';
import { moduleDifference } from './module-difference.ts';
import { RunLogs } from './run-logs.ts';
import type { CheckpointManifest, RunManifest } from './run-manifest.ts';
import { runRecord } from './run-record.ts';
import type { RunStore } from './run-store.ts';
import { squeezeJob, squeezeTarget } from './squeeze-job.ts';

/** What became of a checkpoint that was sent. */
export interface AcceptedCheckpoint {
  readonly record: CheckpointRecord;
  /** Whether it is a new one, and not the same again. */
  readonly created: boolean;
  /** What the upload brought: an adapter that was not here, one that was, or one that nobody needs. */
  readonly upload: 'created' | 'known' | 'unneeded';
}

/**
 * Annealing runs. The log of a run's checkpoints is the record; where the run stands follows from it and from the jobs'
 * own records each time it is asked. Nothing is remembered, so any number of API processes may serve one run: each decides
 * on the log as it reads it, and appends to that very log or decides anew. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class RunService {
  private readonly blobs: BlobStore;
  private readonly runs: RunStore;
  private readonly logs: RunLogs;
  private readonly adapters: Pick<AdapterService, 'find' | 'register'>;
  private readonly jobs: Pick<JobService, 'ensure' | 'wait'>;

  constructor(
    runs: RunStore,
    blobs: BlobStore,
    adapters: Pick<AdapterService, 'find' | 'register'>,
    jobs: Pick<JobService, 'ensure' | 'wait'>,
    jobStore: Pick<JobStore, 'get' | 'all'>,
  ) {
    this.blobs = blobs;
    this.runs = runs;
    this.logs = new RunLogs(runs, jobStore, adapters, jobs);
    this.adapters = adapters;
    this.jobs = jobs;
  }

  /** @throws AppError SCHEDULE_INVALID, SCHEDULE_TOO_SHORT */
  async create(request: RunRequest): Promise<RunRecord> {
    const nowMs = Date.now();
    const run: RunManifest = {
      id: newRunId(nowMs),
      request,
      schedule: 'schedule' in request ? planSchedule(request.schedule) : null,
      adaptive: 'adaptive' in request ? planAdaptive(request.adaptive) : null,
      created_at: new Date(nowMs).toISOString(),
    };
    await this.runs.create(run);
    return runRecord(run, [], []);
  }

  /** @throws AppError RUN_NOT_FOUND; QUEUE_UNAVAILABLE while a squeeze under way cannot be followed; STORAGE_* */
  async get(runId: string): Promise<RunRecord> {
    const run = await this.manifest(runId);
    const log = await this.logs.follow(await this.logs.read(run));
    return runRecord(run, log, await this.logs.records(run, log));
  }

  /**
   * The newest checkpoint of that step.
   * @throws AppError RUN_NOT_FOUND, CHECKPOINT_NOT_FOUND; as `get`
   */
  async checkpoint(runId: string, step: number): Promise<CheckpointRecord> {
    const run = await this.manifest(runId);
    const log = await this.logs.read(run);
    const index = log.findLastIndex(({ checkpoint }) => checkpoint.step === step);
    if (index >= 0) return this.logs.record(run, await this.logs.follow(log), index);
    throw new AppError('CHECKPOINT_NOT_FOUND', `Run ${runId} has no checkpoint of step ${step}.`, {
      run_id: runId,
      step,
    });
  }

  /** Throws unless there is such a run; for asking before its checkpoint is received. @throws AppError RUN_NOT_FOUND */
  async check(runId: string): Promise<void> {
    await this.manifest(runId);
  }

  /**
   * Takes a checkpoint: decides, makes what is needed durable, appends the decision to the log with its job, and queues
   * that, in this order, so that whatever is lost in between can be sent or queued again. Of a checkpoint that is kept only
   * the decision is stored. Files taken into the storage are gone from their paths.
   * @throws AppError RUN_NOT_FOUND; as readCheckpoint and decide; STORAGE_*
   */
  async add(runId: string, upload: CheckpointUpload): Promise<AcceptedCheckpoint> {
    const sent = await readCheckpoint(upload);
    let kept: 'created' | 'known' | undefined;
    for (;;) {
      // Each time: it may have been removed.
      const run = await this.manifest(runId);
      const log = await this.logs.read(run);
      const decision = await this.decide(run, log, sent);
      if (decision.kind === 'existing') {
        const index = decision.checkpoint.sequence - 1;
        await this.logs.submit(log[index]!);
        return { record: await this.logs.record(run, log, index), created: false, upload: 'known' };
      }
      if (decision.kind === 'squeeze') kept ??= await this.keep(sent);
      await this.keepModules(sent.modules);
      const checkpoint = manifestOf(run, log.length + 1, sent.arrival, decision);
      // From now on nobody removes the adapter. One that is gone already, in the moment since it was kept, fails the
      // job, and the checkpoint is sent again.
      const accepted = checkpoint.job_id && acceptedJob(checkpoint.job_id, squeezeJob(run, checkpoint));
      if (!(await this.runs.append(run, checkpoint, accepted || null))) continue;
      const outcome = outcomeOf(checkpoint, undefined);
      const job = await this.logs.submit({ checkpoint, outcome, job: undefined });
      const record = await this.logs.record(run, [...log, { checkpoint, outcome, job }], log.length);
      return { record, created: true, upload: kept ?? 'unneeded' };
    }
  }

  /**
   * A checkpoint once its squeeze is final, or as it stands after `timeoutMs`. A queue that cannot be reached is no
   * error here.
   */
  async wait(record: CheckpointRecord, timeoutMs: number): Promise<CheckpointRecord> {
    if (record.job_id === null) return record;
    await this.jobs.wait(record.job_id, timeoutMs);
    const run = await this.manifest(record.run_id);
    const log = await this.logs.read(run);
    const index = log.findIndex(({ checkpoint }) => checkpoint.job_id === record.job_id);
    return this.logs.record(run, log, index);
  }

  private async manifest(runId: string): Promise<RunManifest> {
    const run = await this.runs.get(runId);
    if (run) return run;
    throw new AppError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(runId)}.`, { run_id: runId });
  }

  /** decide, naming the module where the modules differ. */
  private async decide(run: RunManifest, log: readonly Past[], sent: ReadCheckpoint): Promise<Decision> {
    try {
      return decide(run, log, sent.arrival);
    } catch (error) {
      const expected = error instanceof AppError ? error.context.modules_sha256 : undefined;
      const before = typeof expected === 'string' ? await this.blobs.get(blobKey(expected)) : undefined;
      if (!(error instanceof AppError) || !before) throw error;
      const difference = moduleDifference(before, sent.modules.bytes);
      throw new AppError(error.code, `${error.message.slice(0, -1)}: ${difference}.`, error.context);
    }
  }

  /** Makes a checkpoint durable that is to be squeezed. Returns whether its adapter is new here. */
  private async keep({ adapterFiles, optimizerFile }: ReadCheckpoint): Promise<'created' | 'known'> {
    const { created } = await this.adapters.register(adapterFiles, null);
    if (optimizerFile) await keepFile(this.blobs, optimizerFile);
    return created ? 'created' : 'known';
  }

  /** Keeps a list of modules under its digest; a run with the same modules all along keeps one. */
  private keepModules({ sha256, bytes }: ModuleList): Promise<void> {
    return keepBlob(this.blobs, { sha256, bytes: bytes.byteLength }, (key) => this.blobs.put(key, bytes));
  }
}

function manifestOf(run: RunManifest, sequence: number, arrival: Arrival, plan: Plan): CheckpointManifest {
  const isSqueeze = plan.kind === 'squeeze';
  const nowMs = Date.now();
  return {
    run_id: run.id,
    sequence,
    step: arrival.step,
    decision: plan.kind,
    reason: plan.reason,
    late_by_steps: isSqueeze ? plan.lateBySteps : 0,
    rank_before: arrival.ranks,
    modules_by_rank: arrival.modulesByRank,
    stage_rank: isSqueeze ? plan.stageRank : null,
    source_adapter_id: arrival.adapterId,
    optimizer_sha256: arrival.optimizerSha256,
    base_model: arrival.baseModel,
    modules_sha256: arrival.modulesSha256,
    target: isSqueeze ? squeezeTarget(run, plan.goal) : null,
    job_id: isSqueeze ? newJobId(nowMs) : null,
    created_at: new Date(nowMs).toISOString(),
  };
}
