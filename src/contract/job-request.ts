import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import { choice, nullable, oneOf } from './choice.ts';
import { DryRun } from './forecast.ts';
import { Labels, namedPatch, PATCH_RULES, RecordName, TtlSeconds } from './labels.ts';
import { ResultSettings } from './result-settings.ts';
import { Target } from './target.ts';
import {
  Deliver,
  ExportJobRequest,
  ImportJobRequest,
  ONE_ADAPTER,
  RECORDED_ADAPTER,
  RecordedDeliver,
  RecordedExportRequest,
  RecordedImportRequest,
} from './transfer-job.ts';
import { RequestWebhook } from './webhook.ts';

/** Options of the decomposition, shared by all targets of a job. */
export const SqueezeOptions = Type.Object(
  {
    method: Type.Optional(
      choice(['rsvd', 'exact'], {
        default: 'rsvd',
        description: 'rsvd: randomised SVD. exact: truncated SVD to rounding error.',
      }),
    ),
    oversampling: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 256,
        default: 10,
        description: 'Columns of the sketch beyond the rank',
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
  { $id: 'SqueezeOptions', additionalProperties: false },
);
export type SqueezeOptions = Static<typeof SqueezeOptions>;

/** In descending order. */
export const JOB_PRIORITIES = ['high', 'normal', 'low'] as const;

export const JobPriority = choice(JOB_PRIORITIES, {
  $id: 'JobPriority',
  default: 'normal',
  description:
    'Among the jobs of a tenant, those with a higher priority start first; within a priority, older jobs start first',
});
export type JobPriority = Static<typeof JobPriority>;

/** Settings of a job that do not affect its work; part of every request for a job. */
export const JobSettings = Type.Object({
  name: Type.Optional(RecordName),
  labels: Type.Optional(Labels),
  priority: Type.Optional(JobPriority),
  ttl_seconds: Type.Optional(TtlSeconds),
  webhook: Type.Optional(RequestWebhook),
  reuse: Type.Optional(
    Type.Boolean({
      default: true,
      description:
        'Whether equal requests, in progress or done, may share the work. The job has its own results, labels, ' +
        'priority and time to live in any case. `false` repeats the work.',
    }),
  ),
});
export type JobSettings = Static<typeof JobSettings>;

export const SqueezeJobRequest = Type.Object(
  {
    kind: Type.Literal('squeeze'),
    adapter_id: Type.String({ minLength: 1, maxLength: 128 }),
    targets: Type.Array(Target, { minItems: 1, maxItems: 16 }),
    options: Type.Optional(SqueezeOptions),
    results: Type.Optional(ResultSettings),
  },
  { additionalProperties: false, description: 'Squeezes an adapter to smaller ranks' },
);

export const AnalyzeJobRequest = Type.Object(
  {
    kind: Type.Literal('analyze'),
    adapter_id: Type.String({ minLength: 1, maxLength: 128 }),
  },
  {
    additionalProperties: false,
    description: 'Computes spectra, curves and recommendations, and writes no adapter',
  },
);

export const MAX_MERGE_SOURCES = 32;

export const MergeSource = Type.Object(
  {
    adapter_id: Type.String({ minLength: 1, maxLength: 128 }),
    weight: Type.Optional(Type.Number({ minimum: -1e6, maximum: 1e6, default: 1 })),
  },
  { $id: 'MergeSource', additionalProperties: false },
);
export type MergeSource = Static<typeof MergeSource>;

export const MergeJobRequest = Type.Object(
  {
    kind: Type.Literal('merge'),
    sources: Type.Array(MergeSource, { minItems: 1, maxItems: MAX_MERGE_SOURCES }),
    targets: Type.Array(Target, { minItems: 1, maxItems: 16 }),
    options: Type.Optional(SqueezeOptions),
    results: Type.Optional(ResultSettings),
  },
  {
    additionalProperties: false,
    description: 'Adds adapters of one base model with weights, and squeezes the sum',
  },
);

const withSettings = <T extends TProperties>($id: string, request: TObject<T>) =>
  Type.Object(
    { ...request.properties, ...JobSettings.properties, dry_run: Type.Optional(DryRun) },
    {
      $id,
      additionalProperties: false,
      description: (request as { description?: string }).description ?? '',
    },
  );

/** A squeeze request whose adapter may be imported first and whose results may be exported. */
const squeezeOf = <A extends TProperties, D extends TSchema>($id: string, adapter: A, deliver: D) =>
  Type.Object(
    {
      kind: SqueezeJobRequest.properties.kind,
      ...adapter,
      targets: SqueezeJobRequest.properties.targets,
      options: SqueezeJobRequest.properties.options,
      results: SqueezeJobRequest.properties.results,
      deliver: Type.Optional(deliver),
    },
    { $id, additionalProperties: false, description: 'Squeezes an adapter to smaller ranks' },
  );
const analyzeOf = <A extends TProperties>($id: string, adapter: A) =>
  Type.Object(
    { kind: AnalyzeJobRequest.properties.kind, ...adapter },
    {
      $id,
      additionalProperties: false,
      description: 'Computes spectra, curves and recommendations, and writes no adapter',
    },
  );
const mergeOf = <D extends TSchema>($id: string, deliver: D) =>
  Type.Object(
    { ...MergeJobRequest.properties, deliver: Type.Optional(deliver) },
    {
      $id,
      additionalProperties: false,
      description: 'Adds adapters of one base model with weights, and squeezes the sum',
    },
  );

/** A request for a job. It must have exactly one of `adapter_id` and `source`, which the service checks. */
export const JobRequest = oneOf(
  'kind',
  [
    withSettings('SqueezeJobRequest', squeezeOf('', ONE_ADAPTER, Deliver)),
    withSettings('AnalyzeJobRequest', analyzeOf('', ONE_ADAPTER)),
    withSettings('MergeJobRequest', mergeOf('', Deliver)),
    withSettings('ImportJobRequest', ImportJobRequest),
    withSettings('ExportJobRequest', ExportJobRequest),
  ],
  { $id: 'JobRequest' },
);
export type JobRequest = Static<typeof JobRequest>;

export const JobPatch = Type.Object(namedPatch, { $id: 'JobPatch', ...PATCH_RULES });
export type JobPatch = Static<typeof JobPatch>;

/** One squeeze of an annealing run. */
export const CheckpointJobRequest = Type.Object(
  {
    kind: Type.Literal('checkpoint'),
    run_id: Type.String(),
    step: Type.Integer({ minimum: 0 }),
    adapter_id: Type.String(),
    targets: Type.Array(Target, { minItems: 1, maxItems: 1 }),
    options: Type.Optional(SqueezeOptions),
    results: Type.Optional(ResultSettings),
    optimizer: nullable(
      Type.Object(
        {
          sha256: Type.String({ description: 'SHA-256 of the moments that were sent with the checkpoint' }),
          mode: choice(['carry', 'reset']),
        },
        { additionalProperties: false },
      ),
    ),
  },
  {
    $id: 'CheckpointJobRequest',
    additionalProperties: false,
    description: 'A squeeze of an annealing run; created by its checkpoints',
  },
);
export type CheckpointJobRequest = Static<typeof CheckpointJobRequest>;

/** Work that can be computed, because its adapters are stored. */
export type WorkRequest =
  | Static<typeof SqueezeJobRequest>
  | Static<typeof AnalyzeJobRequest>
  | Static<typeof MergeJobRequest>
  | CheckpointJobRequest;

/** The request of a job, as its record stores it. */
export const RecordedJobRequest = oneOf(
  'kind',
  [
    squeezeOf('RecordedSqueezeJobRequest', RECORDED_ADAPTER, RecordedDeliver),
    analyzeOf('RecordedAnalyzeJobRequest', RECORDED_ADAPTER),
    mergeOf('RecordedMergeJobRequest', RecordedDeliver),
    CheckpointJobRequest,
    RecordedImportRequest,
    RecordedExportRequest,
  ],
  { $id: 'RecordedJobRequest' },
);
export type RecordedJobRequest = Static<typeof RecordedJobRequest>;
export const JOB_KINDS = ['squeeze', 'analyze', 'merge', 'checkpoint', 'import', 'export'] as const;
export const JobKind = choice(JOB_KINDS, { $id: 'JobKind' });
export type JobKind = Static<typeof JobKind>;

/** The `request` field of POST /v1/squeeze: a squeeze request without the adapter, which is sent in the same body. */
export const SqueezeRequest = Type.Object(
  {
    targets: Type.Array(Target, { minItems: 1, maxItems: 16 }),
    options: Type.Optional(SqueezeOptions),
    results: Type.Optional(ResultSettings),
    ...JobSettings.properties,
  },
  { $id: 'SqueezeRequest', additionalProperties: false },
);
export type SqueezeRequest = Static<typeof SqueezeRequest>;
