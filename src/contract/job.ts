import { type Static, Type } from 'typebox';
import { AdapterFile } from './adapter.ts';
import { Verdict } from './serving.ts';
import { Target } from './target.ts';

/** Options of the decomposition, shared by all targets of a job. */
export const SqueezeOptions = Type.Object(
  {
    method: Type.Optional(
      Type.Union([Type.Literal('rsvd'), Type.Literal('exact')], {
        default: 'rsvd',
        description: 'rsvd: randomised SVD. exact: truncated SVD to rounding error.',
      }),
    ),
    oversampling: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 256,
        default: 10,
        description: 'Extra sketch columns beyond the rank',
      }),
    ),
    power_iterations: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: 64 }), Type.Literal('auto')], {
        default: 'auto',
        description: 'Number of power iterations, or "auto": until the captured energy settles',
      }),
    ),
    seed: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 4294967295, default: 0, description: 'Seed of the sketch' }),
    ),
  },
  { additionalProperties: false },
);
export type SqueezeOptions = Static<typeof SqueezeOptions>;

export const SqueezeJobRequest = Type.Object(
  {
    kind: Type.Literal('squeeze'),
    adapter_id: Type.String({ minLength: 1, maxLength: 128 }),
    targets: Type.Array(Target, { minItems: 1, maxItems: 16 }),
    options: Type.Optional(SqueezeOptions),
  },
  { additionalProperties: false, description: 'Brings an adapter to smaller ranks' },
);

export const AnalyzeJobRequest = Type.Object(
  {
    kind: Type.Literal('analyze'),
    adapter_id: Type.String({ minLength: 1, maxLength: 128 }),
  },
  { additionalProperties: false, description: 'Spectra, curves and recommendations; writes no adapter' },
);

export const MergeSource = Type.Object(
  {
    adapter_id: Type.String({ minLength: 1, maxLength: 128 }),
    weight: Type.Optional(Type.Number({ minimum: -1e6, maximum: 1e6, default: 1 })),
  },
  { additionalProperties: false },
);
export type MergeSource = Static<typeof MergeSource>;

export const MergeJobRequest = Type.Object(
  {
    kind: Type.Literal('merge'),
    sources: Type.Array(MergeSource, { minItems: 1, maxItems: 32 }),
    targets: Type.Array(Target, { minItems: 1, maxItems: 16 }),
    options: Type.Optional(SqueezeOptions),
  },
  { additionalProperties: false, description: 'A weighted sum of adapters on one base, then squeezed' },
);

/** What clients may ask for. */
export const JobRequest = Type.Union([SqueezeJobRequest, AnalyzeJobRequest, MergeJobRequest], {
  $id: 'JobRequest',
});
export type JobRequest = Static<typeof JobRequest>;

/** One squeeze of an annealing run. */
export const CheckpointJobRequest = Type.Object(
  {
    kind: Type.Literal('checkpoint'),
    run_id: Type.String(),
    step: Type.Integer({ minimum: 0 }),
    adapter_id: Type.String(),
    targets: Type.Array(Target, { minItems: 1, maxItems: 1 }),
    options: Type.Optional(SqueezeOptions),
    optimizer: Type.Union([
      Type.Object(
        {
          sha256: Type.String({ description: 'Content of the moments that came with the checkpoint' }),
          mode: Type.Union([Type.Literal('carry'), Type.Literal('reset')]),
        },
        { additionalProperties: false },
      ),
      Type.Null(),
    ]),
  },
  { additionalProperties: false, description: 'One squeeze of an annealing run; made by its checkpoints' },
);
export type CheckpointJobRequest = Static<typeof CheckpointJobRequest>;

/** What a job may be of. */
export const RecordedJobRequest = Type.Union([
  SqueezeJobRequest,
  AnalyzeJobRequest,
  MergeJobRequest,
  CheckpointJobRequest,
]);
export type RecordedJobRequest = Static<typeof RecordedJobRequest>;
export const JOB_KINDS = ['squeeze', 'analyze', 'merge', 'checkpoint'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** The `request` field of POST /v1/squeeze: a squeeze without the adapter, which comes in the same body. */
export const SqueezeRequest = Type.Object(
  {
    targets: Type.Array(Target, { minItems: 1, maxItems: 16 }),
    options: Type.Optional(SqueezeOptions),
  },
  { $id: 'SqueezeRequest', additionalProperties: false },
);
export type SqueezeRequest = Static<typeof SqueezeRequest>;

export const JobState = Type.Union([
  Type.Literal('queued'),
  Type.Literal('active'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
]);
export type JobState = Static<typeof JobState>;

/** Phases of a running job, in order. */
export const PHASES = ['load', 'gram', 'core', 'project', 'write', 'done'] as const;
export type Phase = (typeof PHASES)[number];

export const Progress = Type.Object(
  {
    phase: Type.Unsafe<Phase | 'waiting'>(
      Type.Union([Type.Literal('waiting'), ...PHASES.map((phase) => Type.Literal(phase))]),
    ),
    done: Type.Integer({ description: 'Modules finished in this phase' }),
    total: Type.Integer({ description: 'Modules of the adapter' }),
    module: Type.Union([Type.String(), Type.Null()], { description: 'The module finished last' }),
  },
  { additionalProperties: false },
);
export type Progress = Static<typeof Progress>;

/** Seconds a job spent. Phases are busy time of the compute threads divided by their number, so they add up to
 * about `total`. */
export const Timings = Type.Object(
  {
    queue_wait: Type.Number({ description: 'From accepted to active' }),
    load: Type.Number({ description: 'Reading and decoding' }),
    gram: Type.Number(),
    core: Type.Number(),
    project: Type.Number(),
    write: Type.Number({ description: 'Encoding, writing, hashing, storing' }),
    total: Type.Number({ description: 'Wall clock from active to finished' }),
  },
  { additionalProperties: false, description: 'Seconds' },
);
export type Timings = Static<typeof Timings>;

export const ModuleError = Type.Object(
  { name: Type.String(), relative_error: Type.Number() },
  { additionalProperties: false },
);
export type ModuleError = Static<typeof ModuleError>;

/** What the trainer should know to go on with a squeezed adapter. */
export const TrainingNotes = Type.Object(
  {
    learning_rate_factor: Type.Number({
      description:
        'Hint: the learning rate times this keeps the size of a step in ΔW, for optimizers whose steps have a size of ' +
        'their own, such as Adam. s·√Σ(m‖A‖² + n‖B‖²) before, divided by the same after.',
    }),
    revived_directions: Type.Integer({ minimum: 0, description: 'Directions that got a random A' }),
    optimizer: Type.Union([Type.Literal('carried'), Type.Literal('reset'), Type.Literal('none')], {
      description: 'What became of the moments; none: none were sent',
    }),
    files: Type.Array(AdapterFile, {
      description: 'Further files of the job: projections.safetensors, optimizer.safetensors',
    }),
  },
  { additionalProperties: false },
);
export type TrainingNotes = Static<typeof TrainingNotes>;

/** What one target produced. */
export const JobResult = Type.Object(
  {
    target: Target,
    adapter_id: Type.String({
      description: 'The squeezed adapter (the source itself when nothing had to change)',
    }),
    format: Type.Literal('peft'),
    rank: Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
    bytes: Type.Integer({ description: 'Size of the weights file' }),
    parameters: Type.Integer({ description: 'Parameters in the LoRA factors' }),
    relative_error: Type.Number({
      description: '‖ΔW − ΔW′‖_F / ‖ΔW‖_F over all modules, of the written file',
    }),
    energy_retained: Type.Number({ description: '1 − relative_error²' }),
    worst_module: Type.Union([ModuleError, Type.Null()]),
    warnings: Type.Array(Type.String()),
    serving: Type.Union([Verdict, Type.Null()], {
      description: 'Whether the result loads where its profile says; null without a profile',
    }),
    training: Type.Union([TrainingNotes, Type.Null()], {
      description: 'For going on with training; null where the target does not ask for projections',
    }),
  },
  { additionalProperties: false },
);
export type JobResult = Static<typeof JobResult>;

export const JobFailure = Type.Object(
  {
    code: Type.String(),
    title: Type.String(),
    detail: Type.String(),
    retryable: Type.Boolean(),
    context: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
);
export type JobFailure = Static<typeof JobFailure>;

export const ProviderInfo = Type.Object(
  {
    name: Type.Union([Type.Literal('cpu'), Type.Literal('cuda')]),
    requested: Type.Union([Type.Literal('auto'), Type.Literal('cpu'), Type.Literal('cuda')]),
    threads: Type.Integer({ description: 'Compute threads' }),
    onnxruntime: Type.String({ description: 'Version of ONNX Runtime' }),
    fallback_reason: Type.Union([Type.String(), Type.Null()], {
      description: 'Why "auto" did not take CUDA',
    }),
  },
  { additionalProperties: false },
);
export type ProviderInfo = Static<typeof ProviderInfo>;

export const JobRecord = Type.Object(
  {
    id: Type.String(),
    kind: Type.Unsafe<JobKind>(Type.Union(JOB_KINDS.map((kind) => Type.Literal(kind)))),
    state: JobState,
    progress: Progress,
    created_at: Type.String({ format: 'date-time' }),
    started_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    finished_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    attempts: Type.Integer({ description: 'Attempts started' }),
    request: RecordedJobRequest,
    results: Type.Array(JobResult),
    timings: Type.Union([Timings, Type.Null()]),
    provider: Type.Union([ProviderInfo, Type.Null()]),
    error: Type.Union([JobFailure, Type.Null()]),
  },
  { $id: 'Job', additionalProperties: false },
);
export type JobRecord = Static<typeof JobRecord>;
