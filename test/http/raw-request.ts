import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A socket to the server; its errors (resets after an early response) are expected. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Everything the server sends until it closes the connection. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // Not events.once, which would fail the test on a reset.
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

/** Sends bytes unchanged, closes the sending side unless `keepOpen`, and reads the one response. */
export async function rawRequest(
  port: number,
  bytes: Uint8Array | string,
  keepOpen = false,
): Promise<RawResponse> {
  const socket = await openSocket(port);
  socket.write(bytes);
  if (!keepOpen) socket.end();
  return parseResponse(await readAll(socket));
}

export function parseResponse(text: string): RawResponse {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(statusLine.split(' ')[1]), headers: new Map(headers), body: rest.join('\r\n\r\n') };
}

export const BOUNDARY = '----b0undary';

/** One part of a multipart body. */
export function part(name: string, content: Uint8Array | string, headers = ''): Buffer {
  return Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\n${headers}\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
}

export const multipartOf = (...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);

/** The head of a multipart POST. */
export function postHead(path: string, extra: readonly string[]): string {
  const type = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;
  return `${[`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', type, ...extra].join('\r\n')}\r\n\r\n`;
}
