import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import {
  CARD_FILE,
  CONFIG_FILE,
  type FileRole,
  MAX_CARD_BYTES,
  roleOf,
  WEIGHTS_FILE,
} from '../adapter/file-names.ts';
import type { AdapterRecord } from '../contract/adapter.ts';
import { nameOfFile } from '../resources/adapters/default-name.ts';
import { CommandError } from './command-error.ts';
import type { ServerClient } from './server-client.ts';
import { fileChunks, type SourcePaths, sourcePaths, wholeWeights } from './source-folder.ts';

interface Part {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * Uploads the adapter of a folder or file, in any format. The files are read while they are sent. FormData cannot be
 * used, because its Blobs of files end at 4 GiB in Node 20.
 * @throws AppError FILE_MISSING, PICKLE_REFUSED, SHARDS_MISMATCH; CommandError as ServerClient, DIGEST_MISMATCH if
 *   the server received something else
 */
export async function uploadAdapter(
  client: ServerClient,
  source: string,
  onBytes: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const paths = await sourcePaths(source);
  const folder = await mkdtemp(join(tmpdir(), 'lora-squeeze-'));
  try {
    const parts: Part[] = [];
    for (const [name, path] of partNames(paths, await wholeWeights(paths, folder))) {
      const { size } = await stat(path);
      // The license is at the beginning of a card.
      parts.push({ name, path, bytes: name === CARD_FILE ? Math.min(size, MAX_CARD_BYTES) : size });
    }
    return await send(client, nameOfFile(basename(resolve(source))), parts, { onBytes, signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The names of the parts, which are the same in every format; the server decides the name of the stored weights. */
const partNames = (
  { config, card }: Pick<SourcePaths, 'config' | 'card'>,
  weights: string,
): (readonly [name: string, path: string])[] => [
  // The configuration comes first, so that faults in it are found before the weights are sent.
  ...(config === null ? [] : [[CONFIG_FILE, config] as const]),
  ...(card === null ? [] : [[CARD_FILE, card] as const]),
  [WEIGHTS_FILE, weights],
];

interface Sending {
  readonly onBytes: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** @param called the name of the adapter; undefined: the server chooses one */
async function send(
  client: ServerClient,
  called: string | undefined,
  parts: readonly Part[],
  { onBytes, signal }: Sending,
): Promise<AdapterRecord> {
  let body: MultipartBody | undefined;
  const record = await client.json<AdapterRecord>('/v1/adapters', () => {
    body = new MultipartBody(called, parts, onBytes, signal);
    return {
      method: 'POST',
      headers: { 'content-type': body.type, 'content-length': String(body.bytes) },
      body: body.chunks(),
      duplex: 'half',
    };
  });
  for (const { name, sha256 } of record.files) {
    // The server has a card only if it created the adapter.
    if (roleOf(name) === 'card' || body?.digests.get(roleOf(name)) === sha256) continue;
    throw new CommandError(
      'DIGEST_MISMATCH',
      `The file ${name} on the server differs from the one that was sent.`,
      {
        name,
      },
    );
  }
  return record;
}

/** A multipart/form-data body (RFC 7578) of a name and files, whose length is known in advance. */
class MultipartBody {
  /** SHA-256 of each file that was sent completely, hex. */
  readonly digests = new Map<FileRole, string>();
  readonly bytes: number;
  readonly type: string;
  readonly #parts: readonly (Part & { readonly head: Buffer })[];
  readonly #end: Buffer;
  readonly #onBytes: (done: number, total: number) => void;
  readonly #signal: AbortSignal;

  constructor(
    called: string | undefined,
    parts: readonly Part[],
    onBytes: (done: number, total: number) => void,
    signal: AbortSignal,
  ) {
    const boundary = randomUUID();
    const field = (name: string, text: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
    this.type = `multipart/form-data; boundary=${boundary}`;
    this.#parts = parts.map((part, i) => ({
      ...part,
      head: Buffer.from(
        `${i > 0 ? '\r\n' : called === undefined ? '' : field('name', called)}--${boundary}\r\n` +
          `Content-Disposition: form-data; name="${part.name}"; filename="${part.name}"\r\n` +
          'Content-Type: application/octet-stream\r\n\r\n',
      ),
    }));
    this.#end = Buffer.from(`\r\n--${boundary}--\r\n`);
    this.bytes = this.#parts.reduce((sum, { head, bytes }) => sum + head.length + bytes, this.#end.length);
    this.#onBytes = onBytes;
    this.#signal = signal;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    let done = 0;
    for (const { name, path, bytes, head } of this.#parts) {
      yield head;
      const hash = createHash('sha256');
      for await (const chunk of fileChunks(path, bytes, hash, this.#signal)) {
        yield chunk;
        done += chunk.length;
        this.#onBytes(done, this.bytes);
      }
      this.digests.set(roleOf(name), hash.digest('hex'));
    }
    yield this.#end;
  }
}
