import { Type } from 'typebox';

const tenantLimit = (of: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: `For tenants without a limit of their own, the maximum number of ${of}. Unset: no limit.`,
    }),
  );

/** Environment variables that are the defaults of tenants: a part of the table of all. */
export const TENANT_VARIABLES = {
  TENANT_WEIGHT: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 100,
    description:
      'Weight of tenants without one of their own, which determines their share of the workers. See [fairness](fairness.md).',
  }),
  TENANT_MAX_PRIORITY: Type.Enum(['high', 'normal', 'low'], {
    default: 'high',
    description: 'Highest priority of jobs, for tenants without a limit of their own.',
  }),
  TENANT_MAX_RUNNING: tenantLimit('jobs that run at once; further ones wait'),
  TENANT_MAX_QUEUED: tenantLimit('unfinished jobs; requests for more are refused'),
  TENANT_STORED_BYTES: tenantLimit('bytes of all adapters together'),
  TENANT_REQUESTS_PER_MINUTE: tenantLimit('requests to the API in a minute'),
  METRICS_TENANTS: Type.Integer({
    minimum: 0,
    maximum: 1000,
    default: 20,
    description:
      'How many tenants have their own series in metrics; all others are counted as `other`. See [tenants in metrics](observability.md#tenants-in-metrics).',
  }),
};
