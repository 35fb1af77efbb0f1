import { type AdapterSource, blobOf, CONFIG, resolveFiles, sizeOf, WEIGHTS } from './adapter-files.ts';
import { withTimeout } from './deadline.ts';
import { type DownloadOptions, downloadBlob, type ServiceFile, saveFile, saveFiles } from './downloads.ts';
import { listAll } from './list.ts';
import { fillPath, formOf, jsonOf, type Transport } from './transport.ts';
import type { Adapter, AdapterChange, AdapterModules, CallOptions, CreateOptions, QueryOf } from './types.ts';
import type { Uploads } from './uploads.ts';

export interface AdapterUploadOptions extends CreateOptions {
  /** Default: the name of the folder or file. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly ttlSeconds?: number | undefined;
  /** @param total undefined while unknown, as for a stream */
  readonly onProgress?: ((sent: number, total: number | undefined) => void) | undefined;
}

const ADAPTERS = '/v1/adapters';
const ADAPTER = '/v1/adapters/{id}';
const FROM_UPLOADS = '/v1/adapters/from-uploads';
/** Larger files are sent in pieces, so that a broken connection costs no more than one piece. */
const SINGLE_CALL_BYTES = 32 * 1024 * 1024;

/** Adapters: uploaded ones and results. */
export class Adapters {
  readonly #transport: Transport;
  readonly #uploads: Uploads;

  /** @internal */
  constructor(transport: Transport, uploads: Uploads) {
    this.#transport = transport;
    this.#uploads = uploads;
  }

  /**
   * Uploads an adapter: in one call if it is small, otherwise in pieces that resume.
   * @throws LoraSqueezeError, also FILE_MISSING; errors of the file system; the signal's reason if it is aborted
   */
  async upload(source: AdapterSource, options: AdapterUploadOptions = {}): Promise<Adapter> {
    return withTimeout(options, async (signal) => {
      const { weights, config, name: called } = await resolveFiles(source);
      const { labels, ttlSeconds: ttl_seconds, name = called, idempotencyKey, onProgress } = options;
      const settings = { name, labels, ttl_seconds };
      const call = { method: 'POST', idempotencyKey, signal } as const;
      const size = await sizeOf(weights);
      if (size !== undefined && size <= SINGLE_CALL_BYTES) {
        const files = { [CONFIG]: config && (await blobOf(config)), [WEIGHTS]: await blobOf(weights) };
        const body = formOf({ ...settings, ...files });
        const adapter = await this.#transport.call({ ...call, path: ADAPTERS, body }, jsonOf<Adapter>);
        onProgress?.(size, size);
        return adapter;
      }
      // The configuration is sent first, because it is small.
      const files: Record<string, string> = {};
      if (config !== undefined)
        files[CONFIG] = (await this.#uploads.create(config, { filename: CONFIG, signal })).id;
      files[WEIGHTS] = (
        await this.#uploads.create(weights, { filename: weightsName(weights), onProgress, signal })
      ).id;
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ files, ...settings });
      return this.#transport.call({ ...call, path: FROM_UPLOADS, headers, body }, jsonOf<Adapter>);
    });
  }

  get(id: string, options: CallOptions = {}): Promise<Adapter> {
    return this.#transport.call(
      { ...options, method: 'GET', path: fillPath(ADAPTER, { id }) },
      jsonOf<Adapter>,
    );
  }

  /** The modules of an adapter with their shapes, ranks and scalings. */
  modules(id: string, options: CallOptions = {}): Promise<AdapterModules> {
    const path = fillPath('/v1/adapters/{id}/modules', { id });
    return this.#transport.call({ ...options, method: 'GET', path }, jsonOf<AdapterModules>);
  }

  /**
   * All adapters that match the query, the newest first: `for await (const adapter of client.adapters.list({ label:
   * ['team:search'] }))`.
   */
  list(
    query: QueryOf<'/v1/adapters'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Adapter, void, undefined> {
    return listAll<Adapter>(this.#transport, ADAPTERS, query, options);
  }

  /** Changes name, labels or time to live. */
  update(id: string, change: AdapterChange, options: CallOptions = {}): Promise<Adapter> {
    const headers = { 'content-type': 'application/json' };
    const call = { ...options, method: 'PATCH', path: fillPath(ADAPTER, { id }), headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(change) }, jsonOf<Adapter>);
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.call(
      { ...options, method: 'DELETE', path: fillPath(ADAPTER, { id }) },
      () => undefined,
    );
  }

  /**
   * In Node: saves all files of an adapter to a folder, which is created. Each file is checked against its SHA-256
   * before it gets its final name.
   * @returns their paths
   * @throws LoraSqueezeError, also DIGEST_MISMATCH; errors of the file system
   */
  async download(id: string, folder: string, options: DownloadOptions = {}): Promise<string[]> {
    return withTimeout(options, async (signal) => {
      const { files } = await this.get(id, { signal });
      return saveFiles(
        this.#transport,
        files.map((file) => ofAdapter(id, file)),
        folder,
        { ...options, signal },
      );
    });
  }

  /** In Node: saves the files of an adapter as one archive (zip). */
  async downloadArchive(id: string, path: string, options: CallOptions = {}): Promise<void> {
    const archive = { name: 'archive', path: fillPath('/v1/adapters/{id}/archive', { id }) };
    await withTimeout(options, (signal) => saveFile(this.#transport, archive, path, { signal }));
  }

  /**
   * One file of an adapter, checked against its SHA-256. @throws LoraSqueezeError, also DIGEST_MISMATCH, FILE_MISSING
   */
  async file(id: string, name: string, options: CallOptions = {}): Promise<Blob> {
    return withTimeout(options, async (signal) => {
      const { files } = await this.get(id, { signal });
      const file = files.find((each) => each.name === name);
      return downloadBlob(this.#transport, ofAdapter(id, file ?? { name }), { signal });
    });
  }
}

const ofAdapter = (id: string, file: Omit<ServiceFile, 'path'>): ServiceFile => ({
  ...file,
  path: fillPath('/v1/adapters/{id}/files/{name}', { id, name: file.name }),
});

/** The service recognises a GGUF file by its name. */
const weightsName = (weights: unknown): string =>
  typeof weights === 'string' && weights.toLowerCase().endsWith('.gguf') ? 'adapter.gguf' : WEIGHTS;
