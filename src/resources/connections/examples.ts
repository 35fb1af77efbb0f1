import type { ConnectionChange, ConnectionRecord, ConnectionRequest } from '../../contract/connection.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
export const connectionExample: ConnectionRecord = {
  id: 'conn_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d',
  name: 'models',
  kind: 's3',
  description: 'The bucket of the platform',
  prefixes: ['s3://models/in', 's3://models/out'],
  region: 'eu-west-1',
  endpoint: null,
  path_style: null,
  ambient: false,
  has_credentials: true,
  allowed_hosts: [],
  created_at: '2026-11-24T21:40:00.000Z',
  updated_at: '2026-11-24T21:40:00.000Z',
};

export const connectionRequestExample: ConnectionRequest = {
  kind: 's3',
  name: connectionExample.name,
  description: connectionExample.description,
  prefixes: connectionExample.prefixes,
  region: 'eu-west-1',
  credentials: { access_key_id: 'AKIAEXAMPLE', secret_access_key: 'not-a-real-one' },
};

export const connectionChangeExample: ConnectionChange = {
  credentials: { access_key_id: 'AKIAEXAMPLE2', secret_access_key: 'not-a-real-one-either' },
};
