import { type Content, type OpenContent, openContent } from './content.ts';
import { sleep, withTimeout } from './deadline.ts';
import { digestHeader, sha256 } from './digest.ts';
import { LoraSqueezeError } from './errors.ts';
import { fillPath, jsonOf, type Transport } from './transport.ts';
import type { CallOptions, Upload } from './types.ts';

export interface UploadOptions extends CallOptions {
  /**
   * For example `adapter_model.safetensors`, `my-lora.gguf` or `adapter_config.json`: it determines what the file is.
   */
  readonly filename: string;
  /** The upload to resume, for example after a crash; default: a new one. */
  readonly id?: string | undefined;
  /** Called as soon as the upload exists, so that it can be resumed later. */
  readonly onCreated?: ((id: string) => void) | undefined;
  /** @param total undefined while unknown, as for a stream */
  readonly onProgress?: ((sent: number, total: number | undefined) => void) | undefined;
}

const UPLOADS = '/v1/uploads';
const UPLOAD = '/v1/uploads/{id}';
const TUS = { 'tus-resumable': '1.0.0' };
/** How many times in a row a piece may fail without any of its bytes arriving. */
const MAX_FAILURES = 8;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** Statuses that report another offset, or another request that is still writing: query the offset. */
const OUT_OF_STEP: readonly number[] = [409, 423];

/** Uploads of single files with tus 1.0, the protocol for resumable uploads. Adapters are created from them. */
export class Uploads {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Sends a file in pieces, each with its SHA-256. A failed piece is resumed where it was interrupted.
   * @param content a stream can have any length and is not kept in memory
   * @throws LoraSqueezeError with the id of the upload as `context.upload_id`, to resume it later; errors of the file
   *   system; the signal's reason if it is aborted
   */
  async create(content: Content, options: UploadOptions): Promise<Upload> {
    const open = await openContent(content);
    try {
      return await withTimeout(options, (signal) => this.#send(open, options, signal));
    } finally {
      await open.close();
    }
  }

  get(id: string, options: CallOptions = {}): Promise<Upload> {
    return this.#transport.call(
      { ...options, method: 'GET', path: fillPath(UPLOAD, { id }) },
      jsonOf<Upload>,
    );
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    const path = fillPath(UPLOAD, { id });
    await this.#transport.call({ ...options, method: 'DELETE', path, headers: TUS }, () => undefined);
  }

  async #send(open: OpenContent, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    const { filename, onProgress, onCreated } = options;
    const { size } = open;
    const isNew = options.id === undefined;
    const id = options.id ?? (await this.#begin(filename, size, signal));
    if (isNew) onCreated?.(id);
    try {
      let offset = isNew ? 0 : await this.#offset(id, signal);
      // The length of a stream is sent with an empty last piece, after all others.
      for await (const piece of open.pieces(offset)) {
        offset = await this.#piece(id, offset, piece, undefined, signal);
        onProgress?.(offset, size);
      }
      if (size === undefined) await this.#piece(id, offset, new Uint8Array(), offset, signal);
      return await this.get(id, { signal });
    } catch (error) {
      if (error instanceof LoraSqueezeError)
        Object.assign(error, { context: { ...error.context, upload_id: id } });
      throw error;
    }
  }

  async #begin(filename: string, size: number | undefined, signal: AbortSignal): Promise<string> {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(filename)));
    const length = size === undefined ? { 'upload-defer-length': '1' } : { 'upload-length': `${size}` };
    const headers = { ...TUS, ...length, 'upload-metadata': `filename ${name}` };
    const location = await this.#transport.call(
      { method: 'POST', path: UPLOADS, headers, signal },
      (response) => response.headers.get('location'),
    );
    const id = location?.split('/').at(-1);
    if (id) return decodeURIComponent(id);
    const detail = 'The answer to an upload does not say where it is.';
    throw new LoraSqueezeError({ code: 'NOT_THE_SERVICE', detail, retryable: false });
  }

  /** @returns the number of received bytes */
  #offset(id: string, signal: AbortSignal): Promise<number> {
    const path = fillPath(UPLOAD, { id });
    return this.#transport.call({ method: 'HEAD', path, headers: TUS, signal }, offsetIn);
  }

  /** Sends one piece, with as many attempts as necessary. @returns the offset of the next one */
  async #piece(
    id: string,
    start: number,
    piece: Uint8Array,
    length: number | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const end = start + piece.length;
    let offset = start;
    for (let failures = 0; ; ) {
      try {
        return await this.#patch(id, offset, piece.subarray(offset - start), length, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isPassing =
          error instanceof LoraSqueezeError && (error.retryable || OUT_OF_STEP.includes(error.status ?? 0));
        if (!isPassing || ++failures > MAX_FAILURES) throw error;
        await sleep(
          error.retryAfterMs ?? Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), MAX_PAUSE_MS),
          signal,
        );
        const there = await this.#offset(id, signal);
        // The piece arrived, and only the response was lost.
        if (there === end && (length === undefined || (await this.get(id, { signal })).complete)) return end;
        if (there < start || there > end) throw error;
        if (there > offset) failures = 0;
        offset = there;
      }
    }
  }

  async #patch(
    id: string,
    offset: number,
    bytes: Uint8Array,
    length: number | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const digest = bytes.length > 0 ? await sha256(bytes) : undefined;
    const headers = {
      ...TUS,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': `${offset}`,
      ...(length !== undefined && { 'upload-length': `${length}` }),
      ...(digest && { 'content-digest': digestHeader(digest) }),
    };
    const path = fillPath(UPLOAD, { id });
    const body = bytes as Uint8Array<ArrayBuffer>;
    return this.#transport.call({ method: 'PATCH', path, headers, body, maxRetries: 0, signal }, offsetIn);
  }
}

/** @throws LoraSqueezeError NOT_THE_SERVICE */
function offsetIn(response: Response): number {
  const offset = Number(response.headers.get('upload-offset') ?? Number.NaN);
  if (Number.isSafeInteger(offset)) return offset;
  const detail = 'The answer to an upload does not say how far it has come.';
  throw new LoraSqueezeError({ code: 'NOT_THE_SERVICE', detail, retryable: false });
}
