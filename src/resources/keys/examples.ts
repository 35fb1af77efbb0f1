import type { TSchema } from 'typebox';
import { CallerRecord, KeyList, KeyRecord, KeyRequest, NewKey } from '../../contract/key.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
const keyRequest: KeyRequest = {
  tenant: 'team-a',
  name: 'nightly squeezes',
  scopes: ['read', 'write'],
  max_priority: 'normal',
  expires_in_seconds: 7_776_000,
};

const key: KeyRecord = {
  id: 'key_5f0c2a9b7e31',
  tenant: 'team-a',
  name: 'nightly squeezes',
  scopes: ['read', 'write'],
  max_priority: 'normal',
  created_at: '2026-11-24T21:50:10.000Z',
  expires_at: '2027-02-22T21:50:10.000Z',
  revoked_at: null,
  last_used_at: '2026-11-25T03:00:00.000Z',
};

const newKey: NewKey = {
  ...key,
  key: 'lsq_5f0c2a9b7e31_0123456789abcdef0123456789abcdef0123456789abcdef4f9a1c0e',
};

const caller: CallerRecord = {
  authentication: 'keys',
  tenant: 'team-a',
  key_id: 'key_5f0c2a9b7e31',
  scopes: ['read', 'write'],
};

export const KEY_EXAMPLES: readonly (readonly [TSchema, unknown])[] = [
  [CallerRecord, caller],
  [KeyRecord, key],
  [KeyRequest, keyRequest],
  [NewKey, newKey],
  [KeyList, { data: [key], next_cursor: null }],
];
