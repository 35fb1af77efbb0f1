import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobPriority } from './job-request.ts';
import { listOf, PageQuery } from './page.ts';
import { TenantId } from './tenant-id.ts';

const totals = {
  stored_bytes: Type.Integer({
    minimum: 0,
    description:
      'Bytes of all files of all adapters, results included, each counted in full, as for the quota',
  }),
  adapters: Type.Integer({ minimum: 0 }),
  jobs: Type.Integer({ minimum: 0, description: 'Number of recorded jobs, ended ones included' }),
};
const waiting = {
  queued: Type.Integer({ minimum: 0, description: 'Number of waiting jobs' }),
  running: Type.Integer({ minimum: 0, description: 'Number of running jobs' }),
};

const limit = (description: string) =>
  Type.Optional(
    nullable(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), {
      description: `${description}; null: no limit; absent: the default of the service`,
    }),
  );

/** The quotas of a tenant. */
export const Quotas = Type.Object(
  {
    stored_bytes: limit('Largest total size of all adapters, each counted in full, in bytes'),
    max_queued: limit('Largest number of unfinished jobs; requests for more are refused'),
    max_running: limit('Largest number of jobs that run at the same time; others wait'),
    requests_per_minute: limit('Largest number of requests per minute, over all keys of the tenant'),
  },
  { $id: 'Quotas', additionalProperties: false },
);
export type Quotas = Static<typeof Quotas>;

/** @see docs/fairness.md */
const Weight = Type.Integer({
  minimum: 1,
  maximum: 1000,
  description:
    'The tenant’s share of the workers: while two tenants have waiting jobs, three times the weight gives ' +
    'three times the time. Absent: the default of the service',
});

const settings = {
  weight: Type.Optional(Weight),
  max_priority: Type.Optional(JobPriority),
  quotas: Type.Optional(Quotas),
};

/** The states that an administrator can give to a tenant. */
const TENANT_STATES = ['active', 'suspended', 'deleting'] as const;
export type TenantState = (typeof TENANT_STATES)[number];

/** A tenant (a team, or another owner of records) with its settings. */
export const TenantRecord = Type.Object(
  {
    id: TenantId,
    weight: settings.weight,
    max_priority: settings.max_priority,
    quotas: Quotas,
    state: choice(TENANT_STATES, {
      description:
        '`suspended`: the tenant may read, cancel and delete, and none of its waiting jobs starts; ' +
        '`deleting`: all data of the tenant is being removed',
    }),
    suspended_at: nullable(Type.String({ format: 'date-time' })),
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Tenant', additionalProperties: false },
);
export type TenantRecord = Static<typeof TenantRecord>;

export const TenantRequest = Type.Object(settings, { $id: 'TenantRequest', additionalProperties: false });
export type TenantRequest = Static<typeof TenantRequest>;

/** The effective limits of a tenant: its own settings, otherwise the defaults of the service. */
const LimitsInForce = Type.Object(
  {
    stored_bytes: nullable(Type.Integer({ minimum: 0 })),
    max_queued: nullable(Type.Integer({ minimum: 0 })),
    max_running: nullable(Type.Integer({ minimum: 0 })),
    requests_per_minute: nullable(Type.Integer({ minimum: 0 })),
    weight: Type.Integer({ minimum: 1, maximum: 1000 }),
    max_priority: JobPriority,
  },
  {
    $id: 'Limits',
    additionalProperties: false,
    description: 'The limits that apply: those of the tenant, or the defaults of the service; null: no limit',
  },
);

export const MAX_USAGE_DAYS = 400;
export const DEFAULT_USAGE_DAYS = 30;

const UsageDay = Type.Object(
  {
    date: Type.String({ format: 'date', description: 'In UTC' }),
    jobs: Type.Integer({ minimum: 0, description: 'Number of accepted jobs' }),
    stored_bytes: Type.Integer({ minimum: 0, description: 'Bytes of new adapters' }),
    compute_seconds: Type.Number({
      minimum: 0,
      description:
        'How long the work of the tenant ran on workers, including failed attempts; added when the work ends',
    }),
  },
  { $id: 'UsageDay', additionalProperties: false },
);

/** What a tenant stores, its limits, what it is waiting for and what it has used. */
export const UsageRecord = Type.Object(
  {
    ...totals,
    limits: LimitsInForce,
    queue: Type.Object(
      {
        ...waiting,
        oldest_waiting_seconds: nullable(Type.Integer({ minimum: 0 }), {
          description: 'How long the oldest job has waited; null if none waits',
        }),
        estimated_start_seconds: nullable(Type.Integer({ minimum: 0 }), {
          description: 'Estimated time until the next job starts; null if none waits or there is no worker',
        }),
      },
      { $id: 'UsageQueue', additionalProperties: false },
    ),
    days: Type.Array(UsageDay, { description: 'Days with usage, the newest first' }),
  },
  { $id: 'Usage', additionalProperties: false },
);
export type UsageRecord = Static<typeof UsageRecord>;
export type UsedTotals = Pick<UsageRecord, 'stored_bytes' | 'adapters' | 'jobs'>;

export const UsageQuery = Type.Object(
  {
    days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_USAGE_DAYS,
        default: DEFAULT_USAGE_DAYS,
        description: 'Number of days, including today',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Everything that was cancelled of what a tenant was waiting for. */
export const TenantCancellation = Type.Object(
  {
    batches: Type.Integer({ minimum: 0 }),
    jobs: Type.Integer({ minimum: 0, description: 'Number of jobs, including those of batches' }),
  },
  { $id: 'TenantCancellation', additionalProperties: false },
);
export type TenantCancellation = Static<typeof TenantCancellation>;

/** A tenant in a list. */
export const TenantSummary = Type.Object(
  { ...TenantRecord.properties, ...waiting, stored_bytes: totals.stored_bytes },
  { $id: 'TenantSummary', additionalProperties: false },
);
export type TenantSummary = Static<typeof TenantSummary>;

export const TenantListQuery = Type.Object(PageQuery.properties, { additionalProperties: false });

export const TenantList = listOf('TenantList', TenantSummary);

export const TenantWithUsage = Type.Object(
  { ...TenantRecord.properties, usage: UsageRecord },
  { $id: 'TenantWithUsage', additionalProperties: false },
);
