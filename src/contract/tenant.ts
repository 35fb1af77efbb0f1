import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobPriority } from './job-request.ts';
import { TenantId } from './key.ts';
import { listOf } from './page.ts';

/** What a tenant has stored. */
export const UsageRecord = Type.Object(
  {
    stored_bytes: Type.Integer({
      minimum: 0,
      description:
        'Bytes of all files of all adapters, uploaded ones and results, each counted in full: what the quota is about',
    }),
    adapters: Type.Integer({ minimum: 0 }),
    jobs: Type.Integer({ minimum: 0, description: 'Jobs that there are records of, ended ones too' }),
  },
  { $id: 'Usage', additionalProperties: false },
);
export type UsageRecord = Static<typeof UsageRecord>;

const limit = (description: string) =>
  Type.Optional(
    nullable(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), {
      description: `${description}; null: no limit; absent: the default of the service`,
    }),
  );

/** What a tenant may use at most. */
export const Quotas = Type.Object(
  {
    stored_bytes: limit('Bytes of all its adapters together, each counted in full'),
    max_queued: limit('Jobs that have not ended: requests for more are refused'),
    max_running: limit('Jobs that run at once: more than these wait'),
    requests_per_minute: limit('Requests to the API, by all its keys together'),
  },
  { $id: 'Quotas', additionalProperties: false },
);
export type Quotas = Static<typeof Quotas>;

/** @see docs/fairness.md */
const Weight = Type.Integer({
  minimum: 1,
  maximum: 1000,
  description:
    'Its share of the workers: while two tenants have jobs waiting, one with three times the weight gets three times the ' +
    'seconds. Absent: the default of the service',
});

const settings = {
  weight: Type.Optional(Weight),
  max_priority: Type.Optional(JobPriority),
  quotas: Type.Optional(Quotas),
};

/** What an administrator has made of it. */
export const TENANT_STATES = ['active', 'suspended', 'deleting'] as const;
export type TenantState = (typeof TENANT_STATES)[number];

/** A team, or whoever else has things of their own here, and what was set for it. */
export const TenantRecord = Type.Object(
  {
    id: TenantId,
    weight: settings.weight,
    max_priority: settings.max_priority,
    quotas: Quotas,
    state: choice(TENANT_STATES, {
      description:
        '`suspended`: it may read, cancel and delete, and none of its waiting jobs begins; `deleting`: all that it has is ' +
        'being removed',
    }),
    suspended_at: nullable(Type.String({ format: 'date-time' })),
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Tenant', additionalProperties: false },
);
export type TenantRecord = Static<typeof TenantRecord>;

export const TenantRequest = Type.Object(settings, { $id: 'TenantRequest', additionalProperties: false });
export type TenantRequest = Static<typeof TenantRequest>;

export const TenantList = listOf('TenantList', TenantRecord);

export const TenantWithUsage = Type.Object(
  { ...TenantRecord.properties, usage: UsageRecord },
  { $id: 'TenantWithUsage', additionalProperties: false },
);
