import { AbstractConnector } from 'ioredis';

/** What ioredis 6.0 has in connectors/AbstractConnector.ts, as far as it matters here. */
interface Connector {
  readonly stream?: NodeJS.EventEmitter | null;
}

const ignore = (): void => {};

/**
 * Fixes how ioredis gives up a connection.
 *
 * It ends the socket and keeps listening for one error. A TLS connection that is given up during its handshake has
 * two if the certificate is not trusted: the distrust itself, and the alert with which the server answers an aborted
 * handshake. The second had no listener, so it ended the process. All connections are given up here, including those
 * that ioredis makes on its own: to sentinels, and to learn of changes of a cluster.
 */
export function fixDisconnect(): void {
  const { prototype } = AbstractConnector;
  const { disconnect } = prototype;
  prototype.disconnect = function (this: AbstractConnector) {
    (this as unknown as Connector).stream?.on('error', ignore);
    disconnect.call(this);
  };
}
