import { AbstractConnector } from 'ioredis';

/** The part of ioredis 6.0's connectors/AbstractConnector.ts that is used here. */
interface Connector {
  readonly stream?: NodeJS.EventEmitter | null;
}

const ignore = (): void => {};

/**
 * Fixes how ioredis gives up a connection.
 *
 * It ends the socket and keeps listening for one error. A TLS connection that is given up during its handshake has
 * two if the certificate is not trusted: the failed verification, and the alert with which the server answers an
 * aborted handshake. The second one had no listener, so it ended the process. This fix applies to all connections,
 * including those that ioredis opens on its own: to sentinels, and to learn of changes of a cluster.
 */
export function fixDisconnect(): void {
  const { prototype } = AbstractConnector;
  const { disconnect } = prototype;
  prototype.disconnect = function (this: AbstractConnector) {
    (this as unknown as Connector).stream?.on('error', ignore);
    disconnect.call(this);
  };
}
