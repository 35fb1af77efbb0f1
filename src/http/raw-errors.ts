import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import type { Connections } from './connections.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts';
import { REQUEST_ID_HEADER } from './schemas.ts';

/**
 * The AppError for a failure that Node's HTTP parser or timers report before there is a request that Fastify could
 * answer.
 */
function rawErrorOf(error: NodeJS.ErrnoException): AppError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('HEADERS_TOO_LARGE', 'The request line and the headers are larger than 16 KiB.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('REQUEST_TIMEOUT', 'The request headers did not arrive in time.');
    case 'HPE_INVALID_EOF_STATE':
      return new AppError('UPLOAD_ABORTED', 'The connection ended before the request was complete.');
    default:
      return new AppError('BAD_REQUEST', `The request is not valid HTTP (${error.code ?? 'unknown error'}).`);
  }
}

/**
 * Answers a broken request on its socket, unless a response has begun, and ends the connection. Node leaves the
 * socket to the listener of these errors, so `connections` ensures that it is closed.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  connections: Pick<Connections, 'sendFinalError' | 'requestsBegun'>,
): void {
  const answer = (): void => {
    const current = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent) socket.destroy();
    else connections.sendFinalError(socket, rawErrorOf(error));
  };
  if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT') {
    answer();
    return;
  }
  // Timers run before reading: if the process was blocked, the headers may have arrived in time and not have been
  // read yet.
  const begun = connections.requestsBegun(socket);
  setImmediate(() => {
    if (connections.requestsBegun(socket) === begun) answer();
  });
}

/**
 * Writes a problem document as the last response of a connection and ends its sending side. From then on the HTTP
 * parser no longer sees the connection: whatever the client still sends, even the rest of a late request, is read and
 * discarded.
 */
export function sendRawProblem(
  socket: Socket,
  error: AppError,
  headers: Readonly<Record<string, string>> = {},
): void {
  const id = randomUUID();
  const problem = problemOf(error, id);
  const body = JSON.stringify(problem);
  const fields = {
    'content-type': PROBLEM_MEDIA_TYPE,
    [REQUEST_ID_HEADER]: id,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  // A new listener for data also detaches the socket from the HTTP parser, which reads it natively.
  socket
    .removeAllListeners('data')
    .on('data', () => {})
    .resume();
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('')}\r\n${body}`);
}

/** Node itself answers an Expect other than 100-continue, without a body. This adds a problem document. */
export function answerExpectations(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const expected = JSON.stringify((request.headers.expect ?? '').slice(0, 80));
    const error = new AppError(
      'EXPECTATION_FAILED',
      `Expect: ${expected} cannot be met; only 100-continue can.`,
    );
    const id = randomUUID();
    const problem = problemOf(error, id);
    const body = JSON.stringify(problem);
    response.writeHead(problem.status, {
      'content-type': PROBLEM_MEDIA_TYPE,
      [REQUEST_ID_HEADER]: id,
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    });
    response.end(body);
  });
}
