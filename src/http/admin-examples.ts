import type { KeyRecord, KeyRequest, NewKey } from '../contract/key.ts';
import type { TenantRecord, TenantRequest } from '../contract/tenant.ts';
import type { AdapterFromUploads } from '../contract/upload.ts';

const keyRequest: KeyRequest = {
  tenant: 'team-a',
  name: 'nightly squeezes',
  scopes: ['read', 'write'],
  expires_in_seconds: 7_776_000,
};

const key: KeyRecord = {
  id: 'key_5f0c2a9b7e31',
  tenant: 'team-a',
  name: 'nightly squeezes',
  scopes: ['read', 'write'],
  created_at: '2026-11-24T21:50:10.000Z',
  expires_at: '2027-02-22T21:50:10.000Z',
  revoked_at: null,
  last_used_at: '2026-11-25T03:00:00.000Z',
};

const newKey: NewKey = {
  ...key,
  key: 'lsq_5f0c2a9b7e31_0123456789abcdef0123456789abcdef0123456789abcdef4f9a1c0e',
};

const tenantRequest: TenantRequest = {
  quotas: { stored_bytes: 107_374_182_400, concurrent_jobs: 20, requests_per_minute: 600 },
};

const tenant: TenantRecord = {
  id: 'team-a',
  quotas: { stored_bytes: 107_374_182_400, concurrent_jobs: 20, requests_per_minute: 600 },
  created_at: '2026-11-24T21:50:00.000Z',
};

const adapterFromUploads: AdapterFromUploads = {
  files: {
    'adapter_model.safetensors': 'my-weights',
    'adapter_config.json': {
      peft_type: 'LORA',
      r: 4,
      lora_alpha: 8,
      target_modules: ['q_proj', 'v_proj'],
    },
  },
  labels: { team: 'search' },
  ttl_seconds: 604_800,
};

/** Examples of what administrators send and get, and of adapters from uploads. */
export const ADMIN_EXAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  Key: [key],
  KeyRequest: [keyRequest],
  NewKey: [newKey],
  KeyList: [{ data: [key], next_cursor: null }],
  Tenant: [tenant],
  TenantRequest: [tenantRequest],
  TenantList: [{ data: [tenant], next_cursor: null }],
  AdapterFromUploads: [adapterFromUploads],
};
