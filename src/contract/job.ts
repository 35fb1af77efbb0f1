import { type Static, Type } from 'typebox';
import { AdapterFile, FormatNameSchema, SizePart } from './adapter.ts';
import { choice, nullable, oneOf } from './choice.ts';
import { JobForecast } from './forecast.ts';
import { JobFailure } from './job-failure.ts';
import { JobKind, JobPriority, RecordedJobRequest } from './job-request.ts';
import { ExpiresAt, Labels, RecordName, TtlSeconds } from './labels.ts';
import { Verdict } from './serving.ts';
import { Target } from './target.ts';
import { DeliveredAdapter, ImportedAdapter } from './transfer-job.ts';

export const JobState = choice(['queued', 'active', 'succeeded', 'partial', 'failed', 'cancelled'], {
  $id: 'JobState',
  description:
    'succeeded: all targets succeeded. partial: some targets succeeded and some failed, see `results`. ' +
    'failed: no target succeeded, or the job failed as a whole',
});
export type JobState = Static<typeof JobState>;

/** Phases of the computation, in order. */
export const PHASES = ['load', 'gram', 'core', 'project', 'write', 'done'] as const;
/** All phases of a job, in order. */
export const JOB_PHASES = ['import', ...PHASES.slice(0, -1), 'deliver', 'done'] as const;
export type JobPhase = 'import' | Phase | 'deliver';
export type Phase = (typeof PHASES)[number];

export const Progress = Type.Object(
  {
    phase: choice(['waiting', ...JOB_PHASES]),
    done: Type.Integer({ description: 'Modules finished in this phase; for an import or a delivery, bytes' }),
    total: Type.Integer({
      description: 'Modules of the adapter; for an import or a delivery, bytes, or 0 while unknown',
    }),
    module: nullable(Type.String(), { description: 'The module that was finished last' }),
  },
  {
    $id: 'Progress',
    additionalProperties: false,
    description: 'For a job that failed or was cancelled: its last known progress',
  },
);
export type Progress = Static<typeof Progress>;

/** Seconds a job spent. Phases are busy time of the compute threads divided by their number, so they add up to
 * about `total`. */
export const Timings = Type.Object(
  {
    queue_wait: Type.Number({ description: 'From acceptance to the start' }),
    load: Type.Number({ description: 'Reading and decoding' }),
    gram: Type.Number(),
    core: Type.Number(),
    project: Type.Number(),
    write: Type.Number({ description: 'Encoding, writing, hashing, storing' }),
    total: Type.Number({ description: 'Wall-clock time from the start to the end' }),
  },
  { $id: 'Timings', additionalProperties: false, description: 'Seconds' },
);
export type Timings = Static<typeof Timings>;

export const ModuleError = Type.Object(
  { name: Type.String(), relative_error: Type.Number() },
  { $id: 'ModuleError', additionalProperties: false },
);
export type ModuleError = Static<typeof ModuleError>;

/** Information for the further training of a squeezed adapter. */
export const TrainingNotes = Type.Object(
  {
    learning_rate_factor: Type.Number({
      description:
        'The factor of the learning rate that keeps the size of a step in ΔW, for optimizers whose step ' +
        'size does not depend on the gradient, such as Adam. It is s·√Σ(m‖A‖² + n‖B‖²) before the squeeze, ' +
        'divided by that after it. In a run, `learning_rate` is the rate of the plan.',
    }),
    revived_directions: Type.Integer({ minimum: 0, description: 'Number of directions that got a random A' }),
    optimizer: choice(['carried', 'reset', 'none'], {
      description: 'What happened to the moments; none: no moments were sent',
    }),
    files: Type.Array(AdapterFile, {
      description: 'Other files of the job: projections.safetensors, optimizer.safetensors',
    }),
  },
  { $id: 'TrainingNotes', additionalProperties: false },
);
export type TrainingNotes = Static<typeof TrainingNotes>;

/** What the kept energy of a result predicts if the result is not trained further. */
export const ExpectedLoss = Type.Object(
  {
    code: choice(['SOME_LOSS_LIKELY', 'LOSS_EXPECTED'], {
      description:
        'Expected loss of accuracy, as a rule of thumb. SOME_LOSS_LIKELY: module_energy_retained is below 0.86. ' +
        'LOSS_EXPECTED: below 0.7',
    }),
    keeping_rank: nullable(Type.Integer(), {
      description:
        'The smallest uniform rank at which modules keep 0.86 of their energy on average; null if no rank below ' +
        'that of the source is known to keep so much',
    }),
  },
  { $id: 'ExpectedLoss', additionalProperties: false },
);
export type ExpectedLoss = Static<typeof ExpectedLoss>;

/** Errors in which all modules have equal weight, and what they mean; absent in results of older versions. */
export const moduleErrorFields = {
  module_relative_error: Type.Optional(
    Type.Number({
      description:
        '√(mean of ‖ΔW − ΔW′‖² / ‖ΔW‖² over the modules): the root mean square of the modules’ own ' +
        'relative errors, measured on the written file. Dead modules, whose energy is at most 1e-6 of the ' +
        'mean, do not count',
    }),
  ),
  module_energy_retained: Type.Optional(
    Type.Number({
      description: '1 − module_relative_error²: the mean, over the same modules, of the share of energy kept',
    }),
  ),
  excess_bound: Type.Optional(
    nullable(Type.Number(), {
      description:
        'relative_error is at most 1 + excess_bound times the smallest possible error of an adapter of these ranks; ' +
        'null: the error is due to rounding alone',
    }),
  ),
  expected_loss: Type.Optional(
    nullable(ExpectedLoss, {
      description:
        'null: no loss is expected, or the result is that of a checkpoint, which is trained further. `warnings` ' +
        'describes it in words',
    }),
  ),
};

/** The outcome of a target that produced an adapter. */
export const SucceededResult = Type.Object(
  {
    target: Target,
    state: Type.Literal('succeeded'),
    adapter_id: Type.String({
      description:
        'The squeezed adapter. If nothing needed to change, it is a separate record of the same files',
    }),
    format: FormatNameSchema,
    rank: Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
    bytes: Type.Integer({ description: 'Size of the weights file' }),
    size: Type.Optional(
      Type.Array(SizePart, { description: 'Size by kind of tensor; absent in jobs of older versions' }),
    ),
    parameters: Type.Integer({ description: 'Parameters in the LoRA factors' }),
    relative_error: Type.Number({
      description: '‖ΔW − ΔW′‖_F / ‖ΔW‖_F over all modules, measured on the written file',
    }),
    energy_retained: Type.Number({ description: '1 − relative_error²' }),
    ...moduleErrorFields,
    worst_module: nullable(ModuleError),
    warnings: Type.Array(Type.String()),
    serving: nullable(Verdict, {
      description: 'Whether the server of the profile loads the result; null without a profile',
    }),
    training: nullable(TrainingNotes, {
      description: 'For further training; null if the target does not ask for projections',
    }),
  },
  { $id: 'SucceededResult', additionalProperties: false },
);
export type SucceededResult = Static<typeof SucceededResult>;

/** A failed target; other targets of its job may have succeeded. */
export const FailedResult = Type.Object(
  { target: Target, state: Type.Literal('failed'), error: JobFailure },
  {
    $id: 'FailedResult',
    additionalProperties: false,
    description: 'A target that failed; it has no files',
  },
);
export type FailedResult = Static<typeof FailedResult>;

/** The outcome of one target, independent of the others. */
export const JobResult = oneOf('state', [SucceededResult, FailedResult], {
  $id: 'JobResult',
  description: 'The outcome of a target; its form depends on `state`',
});
export type JobResult = Static<typeof JobResult>;

export const ProviderInfo = Type.Object(
  {
    name: choice(['cpu', 'cuda']),
    requested: choice(['auto', 'cpu', 'cuda']),
    threads: Type.Integer({ description: 'Number of compute threads' }),
    onnxruntime: Type.String({ description: 'Version of ONNX Runtime' }),
    fallback_reason: nullable(Type.String(), {
      description: 'Why the execution provider `auto` did not choose CUDA',
    }),
  },
  { $id: 'ProviderInfo', additionalProperties: false },
);
export type ProviderInfo = Static<typeof ProviderInfo>;

export const JobRecord = Type.Object(
  {
    id: Type.String(),
    kind: JobKind,
    state: JobState,
    progress: Progress,
    created_at: Type.String({ format: 'date-time' }),
    started_at: nullable(Type.String({ format: 'date-time' })),
    finished_at: nullable(Type.String({ format: 'date-time' })),
    attempts: Type.Integer({ description: 'Number of attempts that were started' }),
    name: nullable(RecordName),
    labels: Labels,
    priority: JobPriority,
    ttl_seconds: nullable(TtlSeconds),
    expires_at: ExpiresAt,
    batch_id: nullable(Type.String(), { description: 'The batch to which it belongs' }),
    retry_of: nullable(Type.String(), {
      description: 'The job that this one retries',
    }),
    webhook_id: nullable(Type.String(), {
      description:
        'The webhook that was requested with it or with its batch; see `GET /v1/webhooks/{id}/deliveries`',
    }),
    reused: Type.Boolean({
      description:
        'Whether the work of this job was already done, or in progress for another job, when it was accepted',
    }),
    queue_position: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Only for a single waiting job: its position among the waiting jobs of its tenant; 1 is next',
      }),
    ),
    estimated_start_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'Only for a single queued job, and if there are workers: the estimated time until it starts',
      }),
    ),
    forecast: Type.Optional(JobForecast),
    request: RecordedJobRequest,
    imported: nullable(ImportedAdapter, { description: 'The adapter that the job fetched' }),
    results: Type.Array(JobResult, {
      description:
        'One for each target, in the same order, failed ones included. Empty before the job has ended, if it ' +
        'failed as a whole (for example because its adapter cannot be read), and if it was cancelled',
    }),
    deliveries: Type.Array(DeliveredAdapter, {
      description: 'Deliveries, in the order of the request',
    }),
    timings: nullable(Timings),
    provider: nullable(ProviderInfo),
    error: nullable(JobFailure, {
      description:
        'Why the job failed; if all targets failed, the error of the first target. null for a partial ' +
        'job, whose `results` contain the errors',
    }),
  },
  { $id: 'Job', additionalProperties: false },
);
export type JobRecord = Static<typeof JobRecord>;

/** Data of the event `progress`. */
export const JobProgress = Type.Object(
  {
    ...Progress.properties,
    attempt: Type.Integer({ minimum: 1, description: 'The attempt to which the event belongs' }),
  },
  { $id: 'JobProgress', additionalProperties: false },
);
export type JobProgress = Static<typeof JobProgress>;

/** The `data` of an event, from which generated clients derive the type of a stream. */
export const JobEventData = Type.Unsafe<JobRecord | JobProgress>({
  $id: 'JobEventData',
  anyOf: [JobRecord, JobProgress],
  description: 'For an event `state`, the job; for an event `progress`, its progress',
});

/** The events of a job's stream, one after another. */
export const JobEvent = oneOf(
  'event',
  [
    Type.Object(
      { id: Type.String(), event: Type.Literal('state'), data: JobRecord },
      {
        $id: 'JobStateEvent',
        additionalProperties: false,
        description: 'The job was accepted, started an attempt, or ended',
      },
    ),
    Type.Object(
      { id: Type.String(), event: Type.Literal('progress'), data: JobProgress },
      {
        $id: 'JobProgressEvent',
        additionalProperties: false,
        description: 'The newest progress; some steps may be left out',
      },
    ),
  ],
  { $id: 'JobEvent' },
);
export type JobEvent = Static<typeof JobEvent>;
