import { Redis, type RedisOptions } from 'ioredis';

/** The current credentials and certificates of a client. */
export type Renewed = Pick<
  RedisOptions,
  'username' | 'password' | 'sentinelUsername' | 'sentinelPassword' | 'tls' | 'sentinelTLS'
>;

/**
 * An option that ioredis does not know. It is passed on to everything that is created with the same options:
 * duplicates, and nodes of a cluster.
 */
export interface RenewedOption {
  /** Must not throw. */
  readonly renewed?: () => Renewed;
}

/**
 * Fixes the credentials with which ioredis connects.
 *
 * A client keeps the password and the certificates with which it was created. After they change, all its later
 * connections would be refused for the life of the process. With this fix, it asks for them each time it connects.
 */
export function fixLogin(): void {
  const { connect } = Redis.prototype;
  Redis.prototype.connect = function (this: Redis, callback) {
    Object.assign(this.options, (this.options as RenewedOption).renewed?.());
    return connect.call(this, callback);
  };
}
