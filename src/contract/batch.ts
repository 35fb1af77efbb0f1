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

/** Settings for all items; an item's own settings take precedence. */
const settings = {
  kind: Type.Optional(choice(['squeeze', 'analyze'], { description: 'Default: squeeze' })),
  targets: Type.Optional(
    Type.Array(Target, {
      minItems: 1,
      maxItems: MAX_TARGETS,
      description: 'Required for squeeze',
    }),
  ),
  options: Type.Optional(SqueezeOptions),
  results: Type.Optional(ResultSettings),
  deliver: Type.Optional(DeliverPrefix),
  ...JobSettings.properties,
};

/** The settings that the first line of a batch sent as lines may contain. */
export const BatchSettings = Type.Object(settings, { additionalProperties: false });
export type BatchSettings = Static<typeof BatchSettings>;

/** The ways to name the items of a batch; a request uses exactly one. */
const FORMS = ['adapter_ids', 'sources', 'source_prefix', 'jobs'] as const;

const list = { maxItems: MAX_BATCH_ITEMS };
const forms = {
  adapter_ids: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      ...list,
      description:
        'The same work for each of these adapters, none of which may be listed twice. An adapter with all ' +
        'its targets is one job, because targets share the reading and the decomposition.',
    }),
  ),
  sources: Type.Optional(
    Type.Array(Source, {
      ...list,
      description:
        'The same work for each of these sources, none of which may be listed twice; the jobs fetch the ' +
        'adapters',
    }),
  ),
  source_prefix: Type.Optional(SourcePrefix),
  jobs: Type.Optional(
    Type.Array(JobRequest, {
      ...list,
      description:
        'A list of jobs of any kind. Settings of the batch (kind, targets, labels, deliver and so on) ' +
        'apply to jobs that do not have their own.',
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
        'The work and the adapters to which it applies: adapters in the service, sources, all adapters ' +
        'below a prefix, or a list of jobs',
    },
  ),
);

/** The same without the schema of jobs: each job is checked separately, so that an error message contains its index. */
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
    'active: some items have not ended. succeeded: all items succeeded. partial: something succeeded, but ' +
    'some items failed, as a whole or in part. failed: some items failed and nothing succeeded. cancelled: ' +
    'the batch was cancelled, or some of its items were cancelled and none failed',
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
  { $id: 'BatchCounts', additionalProperties: false, description: 'Number of items by state' },
);
export type BatchCounts = Static<typeof BatchCounts>;

/** A batch. Its items are listed separately. */
export const BatchRecord = Type.Object(
  {
    id: Type.String(),
    state: BatchState,
    counts: BatchCounts,
    progress: Type.Object(
      {
        done: Type.Integer({ description: 'Number of items that have ended, in any state' }),
        total: Type.Integer(),
      },
      { additionalProperties: false },
    ),
    name: nullable(RecordName),
    labels: Labels,
    retry_of: nullable(Type.String(), {
      description: 'The batch whose failed, partial and cancelled items these are',
    }),
    webhook_id: nullable(Type.String(), {
      description: 'The webhook that was requested with it; see `GET /v1/webhooks/{id}/deliveries`',
    }),
    created_at: Type.String({ format: 'date-time' }),
    finished_at: nullable(Type.String({ format: 'date-time' }), {
      description: 'When the last item ended',
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
