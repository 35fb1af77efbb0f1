import { type Static, type TObject, type TSchema, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobState } from './job.ts';
import { JobRequest, JobSettings, SqueezeOptions } from './job-request.ts';
import { ExpiresAt, Labels, namedPatch, PATCH_RULES, RecordName } from './labels.ts';
import { listOf } from './page.ts';
import { ResultSettings } from './result-settings.ts';
import { exactlyOne, onlyWith } from './rules.ts';
import { Target } from './target.ts';

export const MAX_BATCH_JOBS = 1000;

/** What is said beside the adapters, or the jobs, of a batch. */
const common = { results: Type.Optional(ResultSettings), ...JobSettings.properties };

/** The same for many adapters: one job for each. */
const ofAdapters = {
  adapter_ids: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
    minItems: 1,
    maxItems: MAX_BATCH_JOBS,
    description:
      'The same for every one of these adapters, each once. An adapter with all its targets is one job: they share the ' +
      'reading and the decomposition.',
  }),
  kind: Type.Optional(choice(['squeeze', 'analyze'], { default: 'squeeze' })),
  targets: Type.Optional(
    Type.Array(Target, { minItems: 1, maxItems: 16, description: 'Of a squeeze, which must have them' }),
  ),
  options: Type.Optional(SqueezeOptions),
};

const fieldsOf = <Job extends TSchema>(job: Job) => ({
  ...Type.Partial(Type.Object(ofAdapters)).properties,
  jobs: Type.Optional(
    Type.Array(job, {
      minItems: 1,
      maxItems: MAX_BATCH_JOBS,
      description:
        'Jobs of any kinds. What the batch says of labels, results, priority and so on holds where a job does not.',
    }),
  ),
  ...common,
});

const RULES = {
  additionalProperties: false,
  ...exactlyOne(['adapter_ids', 'jobs']),
  ...onlyWith({ kind: ['adapter_ids'], targets: ['adapter_ids'], options: ['adapter_ids'] }),
};

type Common = Static<TObject<typeof common>>;
export type BatchRequest = (Static<TObject<typeof ofAdapters>> & Common) | ({ jobs: JobRequest[] } & Common);
export const BatchRequest = Type.Unsafe<BatchRequest>(
  Type.Object(fieldsOf(JobRequest), {
    $id: 'BatchRequest',
    ...RULES,
    description: 'The same for many adapters, or a list of jobs of any kinds',
  }),
);

/** The same without a look inside the jobs: each is checked by itself, so that a fault is told with its index. */
export type BatchEnvelope = Exclude<BatchRequest, { jobs: unknown }> | ({ jobs: object[] } & Common);
export const BatchEnvelope = Type.Unsafe<BatchEnvelope>(Type.Object(fieldsOf(Type.Object({})), RULES));

export const BatchState = choice(['active', 'succeeded', 'partial', 'failed', 'cancelled'], {
  $id: 'BatchState',
  description:
    'active: jobs are left to be done. succeeded: all did. partial: some jobs failed, as a whole or in part, and ' +
    'something succeeded. failed: some failed, and nothing succeeded. cancelled: it was, or some of its jobs were and ' +
    'none failed',
});
export type BatchState = Static<typeof BatchState>;

const ResultLink = Type.Object(
  { adapter_id: Type.String(), href: Type.String({ description: 'Path of the adapter' }) },
  { additionalProperties: false },
);

/** A job as its batch tells of it. */
export const BatchJob = Type.Object(
  {
    id: Type.String(),
    href: Type.String({ description: 'Path of the job, with all there is to know of it' }),
    kind: choice(['squeeze', 'analyze', 'merge']),
    adapter_id: nullable(Type.String(), {
      description: 'Null for merge, which has several',
    }),
    state: JobState,
    error_code: nullable(Type.String(), {
      description: 'Why it failed; of a partial job the code of the first target that did',
    }),
    finished_at: nullable(Type.String({ format: 'date-time' })),
    results: Type.Array(ResultLink, {
      description: 'In the order of the targets; those that failed have none',
    }),
  },
  { $id: 'BatchJob', additionalProperties: false },
);
export type BatchJob = Static<typeof BatchJob>;

export const BatchCounts = Type.Object(
  {
    queued: Type.Integer(),
    active: Type.Integer(),
    succeeded: Type.Integer(),
    partial: Type.Integer(),
    failed: Type.Integer(),
    cancelled: Type.Integer(),
  },
  { $id: 'BatchCounts', additionalProperties: false, description: 'Jobs by state' },
);
export type BatchCounts = Static<typeof BatchCounts>;

/** A batch without its jobs, as lists show it. */
export const BatchSummary = Type.Object(
  {
    id: Type.String(),
    state: BatchState,
    counts: BatchCounts,
    progress: Type.Object(
      { done: Type.Integer({ description: 'Jobs that ended, one way or another' }), total: Type.Integer() },
      { additionalProperties: false },
    ),
    name: nullable(RecordName),
    labels: Labels,
    retry_of: nullable(Type.String(), {
      description: 'The batch whose failed, partial and cancelled jobs these are',
    }),
    webhook_id: nullable(Type.String(), {
      description: 'The webhook that came with its request; see `GET /v1/webhooks/{id}/deliveries`',
    }),
    created_at: Type.String({ format: 'date-time' }),
    finished_at: nullable(Type.String({ format: 'date-time' }), {
      description: 'When its last job ended',
    }),
    expires_at: ExpiresAt,
  },
  { $id: 'BatchSummary', additionalProperties: false },
);
export type BatchSummary = Static<typeof BatchSummary>;

export const BatchRecord = Type.Object(
  {
    ...BatchSummary.properties,
    jobs: Type.Array(BatchJob, { description: 'In the order of the request' }),
  },
  { $id: 'Batch', additionalProperties: false },
);
export type BatchRecord = Static<typeof BatchRecord>;

export const BatchPatch = Type.Object(namedPatch, { $id: 'BatchPatch', ...PATCH_RULES });
export type BatchPatch = Static<typeof BatchPatch>;

export const BatchList = listOf('BatchList', BatchSummary);
export type BatchList = Static<typeof BatchList>;
