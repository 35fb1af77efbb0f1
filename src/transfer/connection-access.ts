import type { ConnectionRecord } from '../contract/connection.ts';

/** What is said of a connection and is no secret. */
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
