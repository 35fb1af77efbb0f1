import { listAll } from './list.ts';
import { fillPath, jsonOf, type Transport } from './transport.ts';
import type { CallOptions, CreateOptions, Worker } from './types.ts';

/** Workers, for administrators. */
export class Workers {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The live workers, and the number of executions that they run. */
  list(options: CallOptions = {}): AsyncGenerator<Worker, void, undefined> {
    return listAll<Worker>(this.#transport, '/v1/workers', {}, options);
  }

  /** Drains a worker: it starts nothing more, and ends when its executions have ended. */
  drain(id: string, options: CreateOptions = {}): Promise<Worker> {
    const path = fillPath('/v1/workers/{id}/drain', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Worker>);
  }
}
