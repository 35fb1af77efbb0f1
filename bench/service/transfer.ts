import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { Client } from '../../test/e2e/client.ts';
import { CONFIG, WEIGHTS } from '../adapter/write-adapter.ts';

const FILES = [WEIGHTS, CONFIG];

const CHUNK_BYTES = 2 ** 20;

/** Streams an adapter folder of any size to the service. */
export async function upload(client: Client, dir: string): Promise<AdapterRecord> {
  const boundary = randomUUID();
  const init = {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Readable.from(multipart(dir, boundary), { objectMode: false }),
    duplex: 'half',
  };
  const response = await client.fetch('/v1/adapters', init as unknown as RequestInit);
  if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
  return (await response.json()) as AdapterRecord;
}

/** The body written by hand (RFC 7578): of a Blob over 4 GiB, Node 20 sends the size modulo 2³². */
async function* multipart(dir: string, boundary: string): AsyncGenerator<Uint8Array> {
  for (const name of FILES) {
    yield Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"; filename="${name}"\r\n` +
        'content-type: application/octet-stream\r\n\r\n',
    );
    yield* createReadStream(join(dir, name), { highWaterMark: CHUNK_BYTES });
    yield Buffer.from('\r\n');
  }
  yield Buffer.from(`--${boundary}--\r\n`);
}

export async function download(client: Client, adapterId: string, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of FILES) {
    const response = await client.fetch(`/v1/adapters/${adapterId}/files/${name}`);
    if (!response.ok || !response.body) throw new Error(`download of ${name}: ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(join(dir, name)));
  }
}
