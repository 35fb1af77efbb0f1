import type { ConnectionRecord } from '../contract/connection.ts';

/** Data of a connection that is not secret. */
export type ConnectionSettings = Pick<
  ConnectionRecord,
  'description' | 'prefixes' | 'region' | 'endpoint' | 'path_style' | 'ambient' | 'allowed_hosts'
>;

/** A connection as a transfer goes through it. */
export interface ConnectionAccess extends ConnectionSettings {
  readonly name: string;
  readonly kind: ConnectionRecord['kind'];
  /** JSON of its credentials, sealed; null: it has none of its own. */
  readonly credentials: string | null;
}
