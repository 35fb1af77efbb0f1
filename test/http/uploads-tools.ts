import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { UploadRecord } from '../../src/contract/upload.ts';
import { buildSafetensors, float32Tensor } from '../oracle/safetensors.ts';
import { until } from '../queue/harness.ts';
import type { TestServer } from './server.ts';
import { CONFIG, WEIGHTS } from './tiny-adapter.ts';

export const TUS = { 'tus-resumable': '1.0.0' };
export const TUS_TYPE = { 'content-type': 'application/offset+octet-stream' };

export const metadataOf = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');

/** A valid adapter with a weights file of some size, which is not worth squeezing. */
export function largeAdapter(bytes: number): { weights: Buffer; config: Buffer } {
  const columns = Math.ceil(bytes / 8);
  const path = 'base_model.model.layers.0.self_attn.q_proj';
  const values = Float32Array.from({ length: columns }, (_, index) => Math.sin(index));
  const weights = buildSafetensors({
    [`${path}.lora_A.weight`]: float32Tensor([1, columns], values),
    [`${path}.lora_B.weight`]: float32Tensor([columns, 1], values),
  });
  const config = { peft_type: 'LORA', r: 1, lora_alpha: 1, target_modules: ['q_proj'] };
  return { weights: Buffer.from(weights), config: Buffer.from(JSON.stringify(config)) };
}

/** Creates an upload and returns its path. */
export async function create(
  server: Pick<TestServer, 'fetch'>,
  bytes: number | null,
  filename = WEIGHTS,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await server.fetch('/v1/uploads', {
    method: 'POST',
    headers: {
      ...TUS,
      ...(bytes === null ? { 'upload-defer-length': '1' } : { 'upload-length': String(bytes) }),
      'upload-metadata': metadataOf({ filename }),
      ...headers,
    },
  });
  assert.equal(response.status, 201, await response.text());
  return response.headers.get('location')!;
}

export const patch = (
  server: Pick<TestServer, 'fetch'>,
  path: string,
  offset: number,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> =>
  server.fetch(path, {
    method: 'PATCH',
    headers: { ...TUS, ...TUS_TYPE, 'upload-offset': String(offset), ...headers },
    body: new Uint8Array(body),
  });

export const put = (
  server: Pick<TestServer, 'fetch'>,
  id: string,
  filename: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<Response> =>
  server.fetch(`/v1/uploads/${id}?filename=${filename}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });

export async function recordOf(server: Pick<TestServer, 'fetch'>, path: string): Promise<UploadRecord> {
  const response = await server.fetch(path);
  assert.equal(response.status, 200);
  return (await response.json()) as UploadRecord;
}

export async function offsetOf(server: Pick<TestServer, 'fetch'>, path: string): Promise<number> {
  const response = await server.fetch(path, { method: 'HEAD', headers: TUS });
  assert.equal(response.status, 200);
  return Number(response.headers.get('upload-offset'));
}

export const makeAdapter = (
  server: Pick<TestServer, 'fetch'>,
  weights: string | readonly string[],
  config: string | object,
  more: object = {},
): Promise<Response> =>
  server.fetch('/v1/adapters/from-uploads', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ files: { [WEIGHTS]: weights, [CONFIG]: config }, ...more }),
  });

export const idOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Sends the head of a PATCH and the beginning of its body. */
export async function beginPatch(
  server: Pick<TestServer, 'port'>,
  path: string,
  offset: number,
  length: number,
  body: Uint8Array,
): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const head = [
    `PATCH ${path} HTTP/1.1`,
    'Host: localhost',
    'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream',
    `Upload-Offset: ${offset}`,
    `Content-Length: ${length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(body);
  return socket;
}

/** Waits until an upload has received this many bytes. */
export async function received(
  server: Pick<TestServer, 'fetch'>,
  path: string,
  bytes: number,
): Promise<void> {
  await until(`${bytes} bytes of ${path}`, async () =>
    (await recordOf(server, path)).received_bytes >= bytes ? true : undefined,
  );
}

/** The names of all files under a folder of the service. */
export function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile())
    .sort();
}

/** Descriptors of this process, without those that the event loop opens and closes. */
export const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** A proxy to a port that cuts each connection after some bytes from the client; 0 lets everything pass. */
export async function cuttingRelay(
  port: number,
  nextCut: () => number,
): Promise<{ url: string; cuts: () => number; close: () => Promise<void> }> {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const relay: Server = createServer((client) => {
    const cut = nextCut();
    let bytes = 0;
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk: Buffer) => {
      const rest = cut === 0 ? chunk.length : cut - bytes;
      bytes += chunk.length;
      upstream.write(chunk.subarray(0, rest));
      if (cut === 0 || bytes < cut) return;
      cuts++;
      client.destroy();
      upstream.destroy();
    });
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
}

export const attack = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/attacks/${name}`, import.meta.url));
