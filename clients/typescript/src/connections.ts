import { listAll } from './list.ts';
import { fillPath, jsonOf, type Transport } from './transport.ts';
import type {
  CallOptions,
  Connection,
  ConnectionChange,
  ConnectionRequest,
  CreateOptions,
  QueryOf,
} from './types.ts';

const CONNECTIONS = '/v1/connections';
const CONNECTION = '/v1/connections/{name}';
const JSON_BODY = { 'content-type': 'application/json' };

/** Connections: named places for imports and exports, whose credentials the service stores encrypted. */
export class Connections {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates a connection; its credentials are encrypted and never shown. */
  create(request: ConnectionRequest, options: CreateOptions = {}): Promise<Connection> {
    const call = { ...options, method: 'POST', path: CONNECTIONS, headers: JSON_BODY } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(request) }, jsonOf<Connection>);
  }

  get(name: string, options: CallOptions = {}): Promise<Connection> {
    const path = fillPath(CONNECTION, { name });
    return this.#transport.call({ ...options, method: 'GET', path }, jsonOf<Connection>);
  }

  /** All connections that match the query, such as `{ kind: 's3' }`, without their credentials. */
  list(
    query: QueryOf<'/v1/connections'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Connection, void, undefined> {
    return listAll<Connection>(this.#transport, CONNECTIONS, query, options);
  }

  /** Changes that send credentials to new places need the credentials again (CONNECTION_CREDENTIALS). */
  update(name: string, change: ConnectionChange, options: CallOptions = {}): Promise<Connection> {
    const call = {
      ...options,
      method: 'PATCH',
      path: fillPath(CONNECTION, { name }),
      headers: JSON_BODY,
    } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(change) }, jsonOf<Connection>);
  }

  async delete(name: string, options: CallOptions = {}): Promise<void> {
    const path = fillPath(CONNECTION, { name });
    await this.#transport.call({ ...options, method: 'DELETE', path }, () => undefined);
  }
}
