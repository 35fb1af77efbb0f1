import { withTimeout } from './deadline.ts';
import { type DownloadOptions, saveFile } from './downloads.ts';
import { dataOf, type EventOptions, eventsOf } from './event-stream.ts';
import { hasEnded, preferWait, untilEnded } from './jobs.ts';
import { jsonLines, type LinesOptions } from './json-lines.ts';
import { listAll } from './list.ts';
import { fillPath, jsonOf, type Transport } from './transport.ts';
import type {
  Batch,
  BatchChange,
  BatchItem,
  BatchRequest,
  BatchResultLine,
  CallOptions,
  CreateOptions,
  QueryOf,
} from './types.ts';

/** Events of a batch's stream: its state, and each item that has ended. */
export type BatchEvent =
  | { readonly id: string; readonly event: 'state'; readonly data: Batch }
  | { readonly id: string; readonly event: 'item'; readonly data: BatchItem };

const BATCHES = '/v1/batches';
const BATCH = '/v1/batches/{id}';

const ZIP_END_BYTES = 22;

/** Whether these bytes end like a zip without a comment. */
const endsAsZip = (last: Uint8Array): boolean =>
  last.length >= ZIP_END_BYTES &&
  [0x50, 0x4b, 0x05, 0x06].every((byte, at) => last.at(at - ZIP_END_BYTES) === byte);

/** Batches: many jobs that are submitted, watched, cancelled and retried together. */
export class Batches {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(request: BatchRequest, options: CreateOptions = {}): Promise<Batch> {
    const headers = { 'content-type': 'application/json' };
    const call = { ...options, method: 'POST', path: BATCHES, headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(request) }, jsonOf<Batch>);
  }

  get(id: string, { waitSeconds, ...options }: CallOptions & { waitSeconds?: number } = {}): Promise<Batch> {
    const headers = preferWait(waitSeconds);
    return this.#transport.call(
      { ...options, method: 'GET', path: fillPath(BATCH, { id }), headers },
      jsonOf<Batch>,
    );
  }

  /** All batches that match the query, the newest first. */
  list(
    query: QueryOf<'/v1/batches'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Batch, void, undefined> {
    return listAll<Batch>(this.#transport, BATCHES, query, options);
  }

  /** The items of a batch that match the query, in the order of its request, with their outcomes. */
  items(
    id: string,
    query: QueryOf<'/v1/batches/{id}/items'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<BatchItem, void, undefined> {
    return listAll<BatchItem>(this.#transport, fillPath('/v1/batches/{id}/items', { id }), query, options);
  }

  /** Waits until all items of a batch have ended, in any state: see `state` and `counts`. */
  async wait(batch: string | Batch, options: CallOptions = {}): Promise<Batch> {
    if (typeof batch !== 'string' && hasEnded(batch)) return batch;
    const id = typeof batch === 'string' ? batch : batch.id;
    return withTimeout(options, (signal) => untilEnded(signal, (rest) => this.get(id, rest)));
  }

  /**
   * The events of a batch: each item when it ends, and the state of the batch, until it has ended. Reconnects after a
   * broken connection.
   */
  async *events(id: string, options: EventOptions = {}): AsyncGenerator<BatchEvent, void, undefined> {
    const path = fillPath('/v1/batches/{id}/events', { id });
    for await (const raw of eventsOf(this.#transport, path, {}, options)) {
      const event = { id: raw.id, event: raw.event, data: dataOf(raw) } as BatchEvent;
      yield event;
      if (event.event === 'state' && hasEnded(event.data)) return;
    }
  }

  /** The outcome of each item for each target, in the order of the request; also while the batch runs. */
  results(id: string, options: LinesOptions = {}): AsyncGenerator<BatchResultLine, void, undefined> {
    const path = fillPath('/v1/batches/{id}/results', { id });
    return jsonLines<BatchResultLine>(
      this.#transport,
      path,
      options,
      ({ headers }, last) => (last?.index ?? -1) + 1 === Number(headers.get('x-item-count')),
    );
  }

  /**
   * Saves all results as one zip, in Node.
   * @param to path of the zip
   */
  async download(id: string, to: string, { onProgress, ...options }: DownloadOptions = {}): Promise<void> {
    const file = {
      path: fillPath('/v1/batches/{id}/archive', { id }),
      name: `${id}.zip`,
      isWhole: endsAsZip,
    };
    const onBytes = (received: number): void => onProgress?.(received, 0);
    await saveFile(this.#transport, file, to, { ...options, onBytes });
  }

  /** Changes the name or the labels; a name of null removes the name. */
  update(id: string, change: BatchChange, options: CallOptions = {}): Promise<Batch> {
    const headers = { 'content-type': 'application/json' };
    const call = { ...options, method: 'PATCH', path: fillPath(BATCH, { id }), headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(change) }, jsonOf<Batch>);
  }

  cancel(id: string, options: CreateOptions = {}): Promise<Batch> {
    const path = fillPath('/v1/batches/{id}/cancel', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Batch>);
  }

  /** @returns a new batch of what failed or was cancelled */
  retry(id: string, options: CreateOptions = {}): Promise<Batch> {
    const path = fillPath('/v1/batches/{id}/retry', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Batch>);
  }

  /** Deletes a batch that has ended, with its jobs. Their results stay. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.call(
      { ...options, method: 'DELETE', path: fillPath(BATCH, { id }) },
      () => undefined,
    );
  }
}
