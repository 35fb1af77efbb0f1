import type { ConnectionRecord } from '../contract/connection.ts';

/** The settings of a connection, which are not secret. */
export type ConnectionSettings = Pick<
  ConnectionRecord,
  'description' | 'prefixes' | 'region' | 'endpoint' | 'path_style' | 'ambient' | 'allowed_hosts'
>;

/** A connection with what a transfer needs. */
export interface ConnectionAccess extends ConnectionSettings {
  readonly name: string;
  readonly kind: ConnectionRecord['kind'];
  /** JSON of its credentials, encrypted; null if it has none of its own. */
  readonly credentials: string | null;
}
