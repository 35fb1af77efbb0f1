import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CONFIG, WEIGHTS } from '../adapter/write-adapter.ts';
import type { ApiService } from './api-service.ts';

const CHUNK_BYTES = 2 ** 20;

interface Body {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/** Both files of an adapter folder as a form, as browsers and curl send them. */
export async function multipartBody(dir: string): Promise<Body> {
  const boundary = randomUUID();
  const heads = [CONFIG, WEIGHTS].map((name) => ({
    name,
    text: `--${boundary}\r\ncontent-disposition: form-data; name="${name}"; filename="${name}"\r\n\r\n`,
  }));
  const end = `--${boundary}--\r\n`;
  let length = end.length;
  for (const { name, text } of heads) length += text.length + (await stat(join(dir, name))).size + 2;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const { name, text } of heads) {
      yield Buffer.from(text);
      yield* createReadStream(join(dir, name), { highWaterMark: CHUNK_BYTES });
      yield Buffer.from('\r\n');
    }
    yield Buffer.from(end);
  }
  return {
    method: 'POST',
    path: '/v1/adapters',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': length },
    chunks,
  };
}

/** The weights alone, as the body itself. */
export async function rawBody(dir: string): Promise<Body> {
  const path = join(dir, WEIGHTS);
  return {
    method: 'PUT',
    path: `/v1/uploads/benchmark?filename=${WEIGHTS}`,
    headers: { 'content-type': 'application/octet-stream', 'content-length': (await stat(path)).size },
    chunks: () => createReadStream(path, { highWaterMark: CHUNK_BYTES }),
  };
}

/**
 * Sends a body as fast as the service reads it.
 * @returns seconds from the first byte to the response
 * @throws if the response is not 2xx
 */
export async function sendBody({ url, authorization }: ApiService, body: Body): Promise<number> {
  const startedMs = performance.now();
  const sent = request(new URL(body.path, url), {
    method: body.method,
    headers: { ...body.headers, authorization },
  });
  const answered = new Promise<string>((resolve, reject) => {
    sent.once('error', reject).once('response', (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk;
        })
        .once('end', () =>
          response.statusCode! < 300 ? resolve(text) : reject(new Error(`${response.statusCode} ${text}`)),
        );
    });
  });
  await Promise.all([answered, pipeline(Readable.from(body.chunks(), { objectMode: false }), sent)]);
  return (performance.now() - startedMs) / 1000;
}
