import type { TSchema } from 'typebox';
import { TenantList, TenantRecord, TenantRequest, TenantSummary } from '../../contract/tenant.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
const tenantRequest: TenantRequest = {
  weight: 300,
  max_priority: 'normal',
  quotas: { stored_bytes: 107_374_182_400, max_queued: 20_000, max_running: 4, requests_per_minute: 600 },
};

const tenant: TenantRecord = {
  id: 'team-a',
  weight: 300,
  max_priority: 'normal',
  quotas: { stored_bytes: 107_374_182_400, max_queued: 20_000, max_running: 4, requests_per_minute: 600 },
  state: 'active',
  suspended_at: null,
  created_at: '2026-11-24T21:50:00.000Z',
};

const summary: TenantSummary = { ...tenant, queued: 12, running: 2, stored_bytes: 319_989_632 };

export const TENANT_EXAMPLES: readonly (readonly [TSchema, unknown])[] = [
  [TenantRecord, tenant],
  [TenantRequest, tenantRequest],
  [TenantSummary, summary],
  [TenantList, { data: [summary], next_cursor: null }],
];
