import { AbstractConnector } from 'ioredis';

/** What ioredis 6.0 has in connectors/AbstractConnector.ts, as far as it matters here. */
interface Connector {
  readonly stream?: NodeJS.EventEmitter | null;
}

const ignore = (): void => {};

/**
 * Fixes how ioredis gives a connection up.
 *
 * It ends the socket and keeps listening for one error. A TLS connection that is given up amid its handshake has two
 * where the certificate is distrusted: the distrust itself, and the alert with which the server answers a handshake
 * that breaks off. Nobody listened for the second, so it ended the process. Every connection is given up here, those
 * too that ioredis makes for itself: to sentinels, and to hear of a cluster's changes.
 */
export function fixDisconnect(): void {
  const { prototype } = AbstractConnector;
  const { disconnect } = prototype;
  prototype.disconnect = function (this: AbstractConnector) {
    (this as unknown as Connector).stream?.on('error', ignore);
    disconnect.call(this);
  };
}
