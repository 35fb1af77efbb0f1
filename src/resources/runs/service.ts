import { DRY_RUN_ID } from '../../contract/forecast.ts';
import type { JobPriority } from '../../contract/job-request.ts';
import type { RunSummary } from '../../contract/list.ts';
import type { CheckpointRecord, RunPatch, RunRecord, RunRequest } from '../../contract/run.ts';
import { END_TYPES } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import { newJobId, newRunId, timedIdMs } from '../../database/ids.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { planSchedule } from '../../schedule/plan-schedule.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { NewAdapter } from '../adapters/rows.ts';
import type { AdapterService } from '../adapters/service.ts';
import { readContent } from '../contents/content-files.ts';
import { Contents, type WrittenFiles } from '../contents/contents.ts';
import { acceptedJob, DEFAULT_JOB_OPTIONS } from '../jobs/accepted-job.ts';
import { checkedPriority } from '../jobs/priority-ceiling.ts';
import type { JobService } from '../jobs/service.ts';
import type { JobStore } from '../jobs/store.ts';
import type { NewRequestWebhook, RequestWebhooks } from '../webhooks/request-webhook.ts';
import { planAdaptive } from './adaptive-plan.ts';
import {
  type CheckpointUpload,
  moduleDifference,
  type ReadCheckpoint,
  readCheckpoint,
} from './checkpoint-upload.ts';
import { type Decision, decide, type IncomingCheckpoint, type Plan } from './decide.ts';
import { checkpointOutcome, type PastCheckpoint } from './lineage.ts';
import { RunLogs } from './run-logs.ts';
import type { CheckpointManifest, RunManifest } from './run-manifest.ts';
import { runRecord } from './run-records.ts';
import { squeezeJob, squeezeTarget } from './squeeze-job.ts';
import type { RunFilter, RunStore } from './store.ts';

/** The outcome of sending a checkpoint. */
export interface AcceptedCheckpoint {
  readonly record: CheckpointRecord;
  /** Whether it is new, and not a repetition. */
  readonly created: boolean;
  /** Whether the upload contained a new adapter, a known one, or one that is not needed. */
  readonly upload: 'created' | 'known' | 'unneeded';
}

export interface RunParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly blobs: BlobStore;
  readonly adapters: Pick<AdapterService, 'findAll' | 'isKnown' | 'prepare'>;
  readonly jobs: Pick<JobService, 'wait'>;
  readonly jobStore: Pick<JobStore, 'all'>;
  /** undefined: webhooks of requests are ignored. */
  readonly requestWebhooks?: RequestWebhooks | undefined;
}

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const RUN_ERRORS = {
  create: [
    'SCHEDULE_INVALID',
    'SCHEDULE_TOO_SHORT',
    'OUTBOUND_URL_INVALID',
    'OUTBOUND_FORBIDDEN',
    'VALIDATION_FAILED',
    'SECRETS_UNAVAILABLE',
    'STORAGE_FULL',
  ],
  get: ['RUN_NOT_FOUND', 'STORAGE_FAILED'],
  change: ['RUN_NOT_FOUND', 'STORAGE_FAILED', 'STORAGE_FULL'],
  checkpoint: ['RUN_NOT_FOUND', 'CHECKPOINT_NOT_FOUND', 'STORAGE_FAILED'],
  /** In addition to the errors of every upload. */
  add: [
    'RUN_NOT_FOUND',
    'OPTIMIZER_STATE_INVALID',
    'CHECKPOINT_STEP',
    'CHECKPOINT_CONFLICT',
    'CHECKPOINT_OUT_OF_ORDER',
    'CHECKPOINT_PENDING',
    'CHECKPOINT_RANK',
    'CHECKPOINT_BASE_MISMATCH',
  ],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * Annealing runs. The log of a run's checkpoints is its record; the state of the run is derived from it and from the
 * records of the jobs on every request. Nothing is cached, so any number of API processes may serve one run: each
 * decides on the log that it has read, and appends to exactly that log or decides again. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class RunService {
  private readonly parts: RunParts;
  private readonly runs: RunStore;
  private readonly logs: RunLogs;
  private readonly contents: Contents;

  constructor(parts: RunParts) {
    const { runs, jobStore, adapters, database, blobs } = parts;
    this.parts = parts;
    this.runs = runs;
    this.logs = new RunLogs(runs, jobStore, adapters);
    this.contents = new Contents(database, blobs);
  }

  /**
   * @param id if a run with this id exists, it is returned
   * @throws AppError SCHEDULE_INVALID, SCHEDULE_TOO_SHORT
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED, SECRETS_UNAVAILABLE for its webhook
   */
  async create(request: RunRequest, id = newRunId(Date.now())): Promise<RunRecord> {
    if (await this.runs.get(id)) return this.get(id);
    const webhook = this.webhookOf(request);
    const run = plannedRun(request, id, webhook);
    await this.runs.create(run, webhook);
    return runRecord(run, [], []);
  }

  /** The run that `create` would record, without recording it. @throws AppError as `create` */
  dryRun(request: RunRequest): RunRecord {
    this.webhookOf(request);
    const run = plannedRun(request, newRunId(Date.now()));
    return { ...runRecord(run, [], []), id: DRY_RUN_ID };
  }

  private webhookOf({ webhook }: RunRequest): NewRequestWebhook | undefined {
    return webhook && this.parts.requestWebhooks?.prepare(webhook, END_TYPES);
  }

  /** @throws AppError RUN_NOT_FOUND, STORAGE_* */
  async get(runId: string): Promise<RunRecord> {
    const run = await this.manifest(runId);
    const log = await this.logs.read(run);
    return runRecord(run, log, await this.logs.records(run, log));
  }

  /**
   * Changes the name of a run; its checkpoints and their results keep theirs. @throws AppError RUN_NOT_FOUND,
   * STORAGE_*
   */
  async change(runId: string, { name }: RunPatch): Promise<RunRecord> {
    await this.runs.rename(await this.manifest(runId), name);
    return this.get(runId);
  }

  /** The newest first, without their checkpoints. */
  page(filter: RunFilter, request: PageRequest): Promise<Page<RunSummary>> {
    return this.runs.page(filter, request);
  }

  /**
   * The newest checkpoint of this step.
   * @throws AppError RUN_NOT_FOUND, CHECKPOINT_NOT_FOUND; as `get`
   */
  async checkpoint(runId: string, step: number): Promise<CheckpointRecord> {
    const run = await this.manifest(runId);
    const log = await this.logs.read(run);
    const index = log.findLastIndex(({ checkpoint }) => checkpoint.step === step);
    if (index >= 0) return this.logs.record(run, log, index);
    throw new AppError('CHECKPOINT_NOT_FOUND', `Run ${runId} has no checkpoint of step ${step}.`, {
      run_id: runId,
      step,
    });
  }

  /** Checks that a run exists, before its checkpoint is received. @throws AppError RUN_NOT_FOUND */
  async check(runId: string): Promise<void> {
    await this.manifest(runId);
  }

  /**
   * Accepts a checkpoint: decides, writes the necessary files durably, and appends the decision to the log with its
   * job, in this order, so that anything lost in between can be sent again. If the rank is kept, only the decision is
   * stored. Files that are moved into the storage disappear from their paths.
   * @param ceiling the highest priority that the caller may use for its squeeze
   * @throws AppError RUN_NOT_FOUND; as readCheckpoint and decide; STORAGE_*
   */
  async add(
    runId: string,
    upload: CheckpointUpload,
    ceiling: JobPriority = 'high',
  ): Promise<AcceptedCheckpoint> {
    const priority = checkedPriority(undefined, ceiling);
    const sent = await readCheckpoint(upload);
    /** By decision, because a simultaneous checkpoint may change it. */
    const ready: Partial<Record<Plan['kind'], StoredCheckpoint>> = {};
    try {
      for (;;) {
        // Read in each round, because the run may have been removed.
        const run = await this.manifest(runId);
        const log = await this.logs.read(run);
        const decision = await this.decide(run, log, sent);
        if (decision.kind === 'existing') {
          const index = decision.checkpoint.sequence - 1;
          return { record: await this.logs.record(run, log, index), created: false, upload: 'known' };
        }
        ready[decision.kind] ??= await this.storeFiles(sent, decision);
        const stored = ready[decision.kind]!;
        const { adapter } = stored;
        const checkpoint = manifestOf(run, log.length + 1, sent.arrival, decision, adapter?.id ?? null);
        const { job_id } = checkpoint;
        const job =
          job_id === null
            ? null
            : acceptedJob(job_id, squeezeJob(run, checkpoint), {
                ...{ ...DEFAULT_JOB_OPTIONS, priority, webhookId: run.webhook_id },
              });
        const squeeze = job && { adapter: adapter!, job };
        if (!(await this.runs.append(run, checkpoint, squeeze, stored.written))) continue;
        delete ready[decision.kind];
        const outcome = checkpointOutcome(checkpoint, undefined);
        const past = { checkpoint, outcome, job: job ?? undefined };
        const record = await this.logs.record(run, [...log, past], log.length);
        return { record, created: true, upload: stored.upload };
      }
    } finally {
      // Abandons the writes that turned out to be unnecessary.
      for (const { written } of Object.values(ready))
        await this.contents.abandon(written.writeId).catch(() => undefined);
    }
  }

  /** A checkpoint once its squeeze has ended, or its state after `timeoutMs`. */
  async wait(record: CheckpointRecord, timeoutMs: number): Promise<CheckpointRecord> {
    if (record.job_id === null) return record;
    await this.parts.jobs.wait(record.job_id, timeoutMs);
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

  /** As `decide`, but names the module if the modules differ. */
  private async decide(
    run: RunManifest,
    log: readonly PastCheckpoint[],
    sent: ReadCheckpoint,
  ): Promise<Decision> {
    try {
      return decide(run, log, sent.arrival);
    } catch (error) {
      const expected = error instanceof AppError ? error.context.modules_sha256 : undefined;
      const before = typeof expected === 'string' ? await this.runs.modules(run.id, expected) : undefined;
      if (!(error instanceof AppError) || !before) throw error;
      const difference = moduleDifference(await readContent(this.parts.blobs, before), sent.modules.data);
      throw new AppError(error.code, `${error.message.slice(0, -1)}: ${difference}.`, error.context);
    }
  }

  /**
   * Writes the files of a checkpoint durably: all of them if it is squeezed, otherwise only the list of its modules.
   */
  private async storeFiles(
    { adapterFiles, optimizerFile, modules, arrival }: ReadCheckpoint,
    plan: Plan,
  ): Promise<StoredCheckpoint> {
    if (plan.kind === 'keep')
      return { adapter: null, written: await this.contents.write([modules]), upload: 'unneeded' };
    const others = optimizerFile ? [optimizerFile, modules] : [modules];
    const isKnown = await this.parts.adapters.isKnown(arrival.digest);
    const ready = await this.parts.adapters.prepare(adapterFiles, {}, others);
    return { ...ready, upload: isKnown ? 'known' : 'created' };
  }
}

/**
 * The record of a run, without the secrets of its webhook.
 * @throws AppError SCHEDULE_INVALID, SCHEDULE_TOO_SHORT
 */
function plannedRun(
  { dry_run: _asked, webhook: _secret, ...request }: RunRequest,
  id: string,
  webhook?: NewRequestWebhook,
): RunManifest {
  return {
    id,
    name: request.name ?? null,
    request,
    schedule: 'schedule' in request ? planSchedule(request.schedule) : null,
    adaptive: 'adaptive' in request ? planAdaptive(request.adaptive) : null,
    webhook_id: webhook?.id ?? null,
    created_at: new Date(timedIdMs(id)).toISOString(),
  };
}

/** What has been stored of a checkpoint that is not recorded yet. */
interface StoredCheckpoint {
  readonly adapter: NewAdapter | null;
  readonly written: WrittenFiles;
  readonly upload: AcceptedCheckpoint['upload'];
}

function manifestOf(
  run: RunManifest,
  sequence: number,
  arrival: IncomingCheckpoint,
  plan: Plan,
  adapterId: string | null,
): CheckpointManifest {
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
    ...(arrival.loss !== null && { loss: arrival.loss }),
    modules_by_rank: arrival.modulesByRank,
    stage_rank: isSqueeze ? plan.stageRank : null,
    source_adapter_id: adapterId,
    source_digest: arrival.digest,
    optimizer_sha256: arrival.optimizerSha256,
    base_model: arrival.baseModel,
    modules_sha256: arrival.modulesSha256,
    target: isSqueeze ? squeezeTarget(run, plan.goal) : null,
    job_id: isSqueeze ? newJobId(nowMs) : null,
    created_at: new Date(nowMs).toISOString(),
  };
}
