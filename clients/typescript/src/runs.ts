import {
  type AdapterSource,
  blobOf,
  CONFIG,
  OPTIMIZER,
  optimizerFile,
  resolveFiles,
  WEIGHTS,
} from './adapter-files.ts';
import type { Content } from './content.ts';
import { withTimeout } from './deadline.ts';
import { type DownloadOptions, saveFiles } from './downloads.ts';
import { LoraSqueezeError } from './errors.ts';
import { preferWait, untilEnded, WAIT_SECONDS } from './jobs.ts';
import { listAll } from './list.ts';
import { fillPath, formOf, jsonOf, type Transport } from './transport.ts';
import type {
  CallOptions,
  Checkpoint,
  CreateOptions,
  QueryOf,
  Run,
  RunRequest,
  RunSummary,
  Schedule,
  ScheduleRequest,
} from './types.ts';

export interface CheckpointOptions extends CallOptions {
  /** The training loss, for the charts of the run; no decision depends on it. */
  readonly loss?: number | undefined;
  /**
   * Adam's or SGD's moments, to be carried to the new rank. In Node, the default for a folder is its
   * optimizer.safetensors, if there is one.
   */
  readonly optimizer?: Content | undefined;
}

const RUNS = '/v1/runs';
const RUN = '/v1/runs/{id}';
const CHECKPOINT = '/v1/runs/{id}/checkpoints/{step}';

/** Annealing runs: the rank of an adapter falls while it is trained. */
export class Runs {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The plan of a schedule: stages, steps of the squeezes, parameters and memory. Nothing is stored. */
  plan(request: ScheduleRequest, options: CallOptions = {}): Promise<Schedule> {
    const headers = { 'content-type': 'application/json' };
    const call = { ...options, method: 'POST', path: '/v1/schedules', headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(request) }, jsonOf<Schedule>);
  }

  /** Starts a run. With `dry_run` it is checked and planned, but not stored. */
  create(request: RunRequest, options: CreateOptions = {}): Promise<Run> {
    const headers = { 'content-type': 'application/json' };
    const call = { ...options, method: 'POST', path: RUNS, headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(request) }, jsonOf<Run>);
  }

  get(id: string, options: CallOptions = {}): Promise<Run> {
    return this.#transport.call({ ...options, method: 'GET', path: fillPath(RUN, { id }) }, jsonOf<Run>);
  }

  /** All runs that match the query, the newest first, without their checkpoints. */
  list(
    query: QueryOf<'/v1/runs'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<RunSummary, void, undefined> {
    return listAll<RunSummary>(this.#transport, RUNS, query, options);
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.call(
      { ...options, method: 'DELETE', path: fillPath(RUN, { id }) },
      () => undefined,
    );
  }

  /**
   * Sends the checkpoint of a step and waits for the adapter with which to continue. Sending the same checkpoint
   * again returns the same answer.
   * @throws LoraSqueezeError, also with the code of a failed squeeze; the signal's reason if it is aborted
   */
  async sendCheckpoint(
    id: string,
    step: number,
    source: AdapterSource,
    options: CheckpointOptions = {},
  ): Promise<Checkpoint> {
    return withTimeout(options, async (signal) => {
      const { weights, config } = await resolveFiles(source);
      const isFolder = typeof source === 'string' && weights !== source;
      const optimizer = options.optimizer ?? (isFolder ? await optimizerFile(source) : undefined);
      const body = formOf({
        step,
        loss: options.loss,
        [CONFIG]: config && (await blobOf(config)),
        [WEIGHTS]: await blobOf(weights),
        [OPTIMIZER]: optimizer && (await blobOf(optimizer)),
      });
      const path = fillPath('/v1/runs/{id}/checkpoints', { id });
      const headers = preferWait(WAIT_SECONDS);
      await this.#transport.call({ method: 'POST', path, headers, body, signal }, jsonOf<Checkpoint>);
      const get = () => this.getCheckpoint(id, step, { signal });
      const { state, error, ...checkpoint } = await untilEnded(signal, get);
      if (state === 'succeeded') return { state, error, ...checkpoint } as Checkpoint;
      const { code, detail } = error ?? { code: 'CANCELLED', detail: 'The squeeze was cancelled.' };
      throw new LoraSqueezeError({ code, detail, retryable: false });
    });
  }

  /** The newest checkpoint of a step in its current state. */
  getCheckpoint(id: string, step: number, options: CallOptions = {}): Promise<Checkpoint> {
    const path = fillPath(CHECKPOINT, { id, step });
    return this.#transport.call({ ...options, method: 'GET', path }, jsonOf<Checkpoint>);
  }

  /** In Node: saves the files of a squeezed checkpoint to a folder, which is created. @returns their paths */
  download({ files }: Checkpoint, folder: string, options: DownloadOptions = {}): Promise<string[]> {
    const found = files.map(({ href, ...file }) => ({ ...file, path: href }));
    return withTimeout(options, (signal) =>
      saveFiles(this.#transport, found, folder, { ...options, signal }),
    );
  }
}
