import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';
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
      description: `${description}; null or absent: no limit`,
    }),
  );

/** What a tenant may use at most. */
export const Quotas = Type.Object(
  {
    stored_bytes: limit('Bytes of all its adapters together, each counted in full'),
    concurrent_jobs: limit('Jobs that are queued or active'),
    requests_per_minute: limit('Requests to the API, by all its keys together'),
  },
  { $id: 'Quotas', additionalProperties: false },
);
export type Quotas = Static<typeof Quotas>;

/** A team, or whoever else has things of their own here. */
export const TenantRecord = Type.Object(
  {
    id: TenantId,
    quotas: Quotas,
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Tenant', additionalProperties: false },
);
export type TenantRecord = Static<typeof TenantRecord>;

export const TenantRequest = Type.Object(
  { quotas: Type.Optional(Quotas) },
  { $id: 'TenantRequest', additionalProperties: false },
);
export type TenantRequest = Static<typeof TenantRequest>;

export const TenantList = listOf('TenantList', TenantRecord);

export const TenantWithUsage = Type.Object(
  { ...TenantRecord.properties, usage: UsageRecord },
  { $id: 'TenantWithUsage', additionalProperties: false },
);
