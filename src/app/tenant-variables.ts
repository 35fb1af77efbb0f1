import { Type } from 'typebox';

const tenantLimit = (of: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: `Most ${of}, of a tenant for which no limit was set. Unset: there is none.`,
    }),
  );

/** Environment variables that are the defaults of tenants: a part of the table of all. */
export const TENANT_VARIABLES = {
  TENANT_WEIGHT: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 100,
    description:
      'Weight of a tenant for which none was set: its share of the workers beside others. See [fairness](fairness.md).',
  }),
  TENANT_MAX_PRIORITY: Type.Enum(['high', 'normal', 'low'], {
    default: 'high',
    description: 'Highest priority of the jobs of a tenant for which none was set.',
  }),
  TENANT_MAX_RUNNING: tenantLimit('jobs that run at once; more than these wait'),
  TENANT_MAX_QUEUED: tenantLimit('jobs that have not ended; requests for more are refused'),
  TENANT_STORED_BYTES: tenantLimit('bytes of all adapters together'),
  TENANT_REQUESTS_PER_MINUTE: tenantLimit('requests to the API'),
  METRICS_TENANTS: Type.Integer({
    minimum: 0,
    maximum: 1000,
    default: 20,
    description:
      'How many tenants metrics tell apart; all others are `other`. 0: none is. See [tenants in metrics](observability.md#tenants-in-metrics).',
  }),
};
