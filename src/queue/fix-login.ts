import { Redis, type RedisOptions } from 'ioredis';

/** The current credentials and certificates of a client. */
export type Renewed = Pick<
  RedisOptions,
  'username' | 'password' | 'sentinelUsername' | 'sentinelPassword' | 'tls' | 'sentinelTLS'
>;

/** An option that ioredis does not know. It is handed on to what is made with the same options: duplicates, nodes of a cluster. */
export interface RenewedOption {
  /** Must not fail. */
  readonly renewed?: () => Renewed;
}

/**
 * Fixes with what ioredis connects.
 *
 * A client keeps the password and the certificates that it was made with. When they change it would be refused from its next
 * connection on, for as long as the process lives. Now it asks for them each time that it connects.
 */
export function fixLogin(): void {
  const { connect } = Redis.prototype;
  Redis.prototype.connect = function (this: Redis, callback) {
    Object.assign(this.options, (this.options as RenewedOption).renewed?.());
    return connect.call(this, callback);
  };
}
