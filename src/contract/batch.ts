import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { BatchForecast, DryRun } from './forecast.ts';
import { JobRequest, JobSettings, SqueezeOptions } from './job-request.ts';
import { ExpiresAt, Labels, namedPatch, PATCH_RULES, RecordName } from './labels.ts';
import { listOf } from './page.ts';
import { ResultSettings } from './result-settings.ts';
import { exactlyOne } from './rules.ts';
import { Target } from './target.ts';
import { Source, SourcePrefix } from './transfer.ts';
import { DeliverPrefix, MAX_TARGETS } from './transfer-job.ts';

export const MAX_BATCH_ITEMS = 10_000;

/** What holds for every item that does not say otherwise. */
const settings = {
  kind: Type.Optional(choice(['squeeze', 'analyze'], { description: 'Default: squeeze' })),
  targets: Type.Optional(
    Type.Array(Target, {
      minItems: 1,
      maxItems: MAX_TARGETS,
      description: 'Of a squeeze, which must have them',
    }),
  ),
  options: Type.Optional(SqueezeOptions),
  results: Type.Optional(ResultSettings),
  deliver: Type.Optional(DeliverPrefix),
  ...JobSettings.properties,
};

/** What the first line of a batch in lines may say. */
export const BatchSettings = Type.Object(settings, { additionalProperties: false });
export type BatchSettings = Static<typeof BatchSettings>;

/** The ways to say which items there are: one of them. */
const FORMS = ['adapter_ids', 'sources', 'source_prefix', 'jobs'] as const;

const list = { maxItems: MAX_BATCH_ITEMS };
const forms = {
  adapter_ids: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      ...list,
      description:
        'The same for every one of these adapters, each once. An adapter with all its targets is one job: they share the ' +
        'reading and the decomposition.',
    }),
  ),
  sources: Type.Optional(
    Type.Array(Source, {
      ...list,
      description: 'The same for adapters that are fetched, each by its job. Each once',
    }),
  ),
  source_prefix: Type.Optional(SourcePrefix),
  jobs: Type.Optional(
    Type.Array(JobRequest, {
      ...list,
      description:
        'Jobs of any kinds. What the batch says of kind, targets, labels, deliver and so on holds where a job does not.',
    }),
  ),
};

const RULES = { additionalProperties: false, ...exactlyOne(FORMS) };
const dryRun = { dry_run: Type.Optional(DryRun) };

type Form =
  | { adapter_ids: string[] }
  | { sources: Source[] }
  | { source_prefix: SourcePrefix }
  | { jobs: JobRequest[] };
export type BatchRequest = Form & BatchSettings & { dry_run?: boolean };
export const BatchRequest = Type.Unsafe<BatchRequest>(
  Type.Object(
    { ...forms, ...settings, ...dryRun },
    {
      $id: 'BatchRequest',
      ...RULES,
      description:
        'What is to be done, and for which adapters: some that are here, some elsewhere, all below a prefix, or a list of jobs',
    },
  ),
);

/** The same without a look inside the jobs: each is checked by itself, so that a fault is told with its index. */
export type BatchEnvelope = Exclude<BatchRequest, { jobs: unknown }> | ({ jobs: object[] } & BatchSettings);
export const BatchEnvelope = Type.Unsafe<BatchEnvelope>(
  Type.Object(
    { ...forms, jobs: Type.Optional(Type.Array(Type.Object({}), list)), ...settings, ...dryRun },
    RULES,
  ),
);

export const BatchState = choice(['active', 'succeeded', 'partial', 'failed', 'cancelled'], {
  $id: 'BatchState',
  description:
    'active: items are left to be done. succeeded: all did. partial: some items failed, as a whole or in part, and ' +
    'something succeeded. failed: some failed, and nothing succeeded. cancelled: it was, or some of its items were and ' +
    'none failed',
});
export type BatchState = Static<typeof BatchState>;

export const BatchCounts = Type.Object(
  {
    queued: Type.Integer(),
    active: Type.Integer(),
    succeeded: Type.Integer(),
    partial: Type.Integer(),
    failed: Type.Integer(),
    cancelled: Type.Integer(),
  },
  { $id: 'BatchCounts', additionalProperties: false, description: 'Items by state' },
);
export type BatchCounts = Static<typeof BatchCounts>;

/** A batch; its items are a list of their own. */
export const BatchRecord = Type.Object(
  {
    id: Type.String(),
    state: BatchState,
    counts: BatchCounts,
    progress: Type.Object(
      { done: Type.Integer({ description: 'Items that ended, one way or another' }), total: Type.Integer() },
      { additionalProperties: false },
    ),
    name: nullable(RecordName),
    labels: Labels,
    retry_of: nullable(Type.String(), {
      description: 'The batch whose failed, partial and cancelled items these are',
    }),
    webhook_id: nullable(Type.String(), {
      description: 'The webhook that came with its request; see `GET /v1/webhooks/{id}/deliveries`',
    }),
    created_at: Type.String({ format: 'date-time' }),
    finished_at: nullable(Type.String({ format: 'date-time' }), {
      description: 'When its last item ended',
    }),
    expires_at: ExpiresAt,
    forecast: Type.Optional(BatchForecast),
  },
  { $id: 'Batch', additionalProperties: false },
);
export type BatchRecord = Static<typeof BatchRecord>;

export const BatchPatch = Type.Object(namedPatch, { $id: 'BatchPatch', ...PATCH_RULES });
export type BatchPatch = Static<typeof BatchPatch>;

export const BatchList = listOf('BatchList', BatchRecord);
export type BatchList = Static<typeof BatchList>;
