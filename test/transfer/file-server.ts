import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { serve, type TestServer } from '../net/servers.ts';
import type { Certificate } from '../queue/certificate.ts';

/** A fault of a request. */
export type Fault =
  | { readonly status: number }
  /** The connection breaks after this many bytes of body. */
  | { readonly cutAfterBytes: number }
  /** Nothing more is sent after this many bytes of body. */
  | { readonly stallAfterBytes: number }
  /** This function writes the whole response. */
  | { readonly answer: (request: IncomingMessage, response: ServerResponse) => void }
  | undefined;

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Serves files under paths, with ETags and ranges, for GET and PUT, and with faults on demand. */
export interface FileServer extends TestServer {
  readonly files: Map<string, Buffer>;
  readonly seen: SeenRequest[];
  /** Called for every request. */
  fault: (request: SeenRequest) => Fault;
  /** Whether files have a strong ETag, so that reading can resume where it broke off. */
  hasEtags: boolean;
}

export async function startFileServer(certificate?: Certificate): Promise<FileServer> {
  const server = await serve(async (request, response) => {
    const seen = { method: request.method!, path: request.url!, headers: request.headers };
    files.seen.push(seen);
    const fault = files.fault(seen);
    if (fault && 'answer' in fault) return fault.answer(request, response);
    if (request.method === 'PUT') return take(files, request, response, fault);
    if (fault && 'status' in fault) return void response.writeHead(fault.status).end('<secret>no</secret>');
    give(files, request, response, fault);
  }, certificate);
  const files: FileServer = { ...server, files: new Map(), seen: [], fault: () => undefined, hasEtags: true };
  return files;
}

const pathOf = ({ url }: IncomingMessage): string => url!.split('?', 1)[0]!;

function give(server: FileServer, request: IncomingMessage, response: ServerResponse, fault: Fault): void {
  const file = server.files.get(pathOf(request));
  if (!file) return void response.writeHead(404).end();
  const etag = `"${createHash('sha256').update(file).digest('hex').slice(0, 16)}"`;
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isPart = start > 0 && request.headers['if-range'] === etag;
  const body = isPart ? file.subarray(start) : file;
  response.writeHead(isPart ? 206 : 200, {
    'content-length': body.byteLength,
    ...(server.hasEtags && { etag }),
    ...(isPart && { 'content-range': `bytes ${start}-${file.byteLength - 1}/${file.byteLength}` }),
  });
  if (fault && 'cutAfterBytes' in fault) {
    response.write(body.subarray(0, fault.cutAfterBytes), () =>
      request.socket.end(() => request.socket.destroy()),
    );
  } else if (fault && 'stallAfterBytes' in fault) response.write(body.subarray(0, fault.stallAfterBytes));
  else response.end(body);
}

async function take(
  server: FileServer,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault,
): Promise<void> {
  if (fault && 'cutAfterBytes' in fault) return void request.once('data', () => request.socket.destroy());
  if (fault && 'stallAfterBytes' in fault) return;
  const body = await buffer(request).catch(() => undefined);
  if (!body) return;
  if (fault && 'status' in fault) return void response.writeHead(fault.status).end('<secret>no</secret>');
  server.files.set(pathOf(request), body);
  response.writeHead(201).end();
}
