import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Server, TUS_RESUMABLE, TUS_VERSION } from '@tus/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { timedId } from '../../database/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { convertError } from '../../http/convert-error.ts';
import { IncomingBody } from '../../http/multipart/incoming-body.ts';
import { mediaTypeOf } from '../../http/plugins/request-bodies.ts';
import type { UploadsDependencies } from './adapter-from-uploads.ts';
import type { TenantUploads } from './tenant-uploads.ts';
import { TusStore, tusLocker } from './tus-store.ts';
import { FILENAME_ERRORS } from './upload-limits.ts';

export const UPLOADS_PATH = '/v1/uploads';
export const TUS_BODY = 'application/offset+octet-stream';

/** Errors that can occur when an upload is looked up. */
const LOOKUP_ERRORS = [
  'UPLOAD_NOT_FOUND',
  'UPLOAD_EXPIRED',
  'UPLOAD_LOCKED',
  'UPLOAD_VERSION',
  'UPLOAD_HEADER',
] as const satisfies readonly ErrorCode[];

/** Errors of the protocol, besides faults in the uploaded bytes. */
export const TUS_ERRORS = {
  create: [...LOOKUP_ERRORS, ...FILENAME_ERRORS, 'QUOTA_UPLOADS'],
  find: LOOKUP_ERRORS,
  append: [...LOOKUP_ERRORS, 'UPLOAD_OFFSET'],
  remove: [...LOOKUP_ERRORS, 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** How long a request may continue to write when a later one of the same upload wants to take over. */
const DRAIN_MS = 500;

/** The headers that belong to the protocol; the library must not see others. */
const REQUEST_HEADERS = [
  'tus-resumable',
  'content-type',
  'content-length',
  'upload-length',
  'upload-defer-length',
  'upload-metadata',
  'upload-offset',
  'upload-concat',
];
const ANSWER_HEADERS = [
  'location',
  'cache-control',
  'tus-version',
  'tus-extension',
  'tus-max-size',
  'upload-defer-length',
  'upload-expires',
  'upload-length',
  'upload-metadata',
  'upload-offset',
];

/**
 * Answers a request of the tus protocol with its library, for which a server is created for each request. The
 * response goes through Fastify's reply, so that hooks apply to it as to all other routes.
 * @throws AppError UPLOAD_*, and the errors of `TenantUploads`
 */
export async function answerTus(
  request: FastifyRequest,
  reply: FastifyReply,
  uploads: TenantUploads,
  { limits, metrics }: Pick<UploadsDependencies, 'limits' | 'metrics'>,
): Promise<FastifyReply> {
  reply.header('tus-resumable', TUS_RESUMABLE);
  const hasBody = mediaTypeOf(request) === TUS_BODY && ['POST', 'PATCH'].includes(request.method);
  const body = hasBody ? new IncomingBody(request.raw, limits.uploadIdleTimeoutMs) : undefined;
  try {
    const answer = await ask(request, uploads, body, limits.maxUploadBytes);
    for (const name of ANSWER_HEADERS) {
      const value = answer.headers.get(name);
      if (value !== null) reply.header(name, value);
    }
    if (answer.headers.get('connection') === 'close') throw takenOver();
    body?.check();
    if (body) metrics.uploadEnded('received', body.bytes);
    return reply.code(answer.status).send();
  } catch (error) {
    const failure = convertError(error);
    if (body) metrics.uploadEnded(failure.code, body.bytes);
    if (failure.code === 'UPLOAD_VERSION') reply.header('tus-version', TUS_VERSION.join(','));
    throw failure;
  } finally {
    body?.close();
  }
}

async function ask(
  request: FastifyRequest,
  uploads: TenantUploads,
  body: IncomingBody | undefined,
  maxUploadBytes: number,
): Promise<Response> {
  let failure: unknown;
  checkVersion(request);
  const datastore = new TusStore(uploads, body);
  const server = new Server({
    path: UPLOADS_PATH,
    relativeLocation: true,
    datastore,
    locker: tusLocker(uploads, datastore),
    maxSize: maxUploadBytes,
    lockDrainTimeout: DRAIN_MS,
    namingFunction: () => timedId('up', Date.now()),
    getFileIdFromRequest: () => (request.params as { id?: string }).id,
    onResponseError: (_request, error) => {
      failure = error;
      return undefined;
    },
  });
  const answer = await server.handleWeb(webRequest(request, body));
  if (datastore.failure) throw datastore.failure;
  if (failure !== undefined) throw tusError(failure, maxUploadBytes);
  if (answer.status < 400) return answer;
  throw tusError({ status_code: answer.status, body: await answer.text() }, maxUploadBytes);
}

/**
 * Checks the protocol version. The library would report a missing one only, and for another version an invalid
 * header.
 */
function checkVersion({ method, headers }: FastifyRequest): void {
  const version = headers['tus-resumable'];
  if (method === 'OPTIONS' || version === undefined || version === TUS_RESUMABLE) return;
  const sent = JSON.stringify(String(version).slice(0, 80));
  throw new AppError(
    'UPLOAD_VERSION',
    `Tus-Resumable is ${sent}; the supported version is ${TUS_RESUMABLE}.`,
  );
}

function webRequest({ method, url, headers }: FastifyRequest, body: IncomingBody | undefined): Request {
  const sent = REQUEST_HEADERS.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  const known = new Headers(sent);
  // Plain HTTP requests that read or delete need no protocol version.
  if ((method === 'HEAD' || method === 'DELETE') && !known.has('tus-resumable'))
    known.set('tus-resumable', TUS_RESUMABLE);
  return new Request(`http://service${url}`, {
    method,
    headers: known,
    ...(body && { body: Readable.toWeb(body.stream) as ReadableStream<Uint8Array>, duplex: 'half' }),
  });
}

/** The errors of the tus library: `ERRORS` of @tus/utils. */
interface TusFailure {
  readonly status_code?: number;
  readonly body?: string;
  readonly message?: string;
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'UPLOAD_HEADER',
  403: 'UPLOAD_HEADER',
  404: 'UPLOAD_NOT_FOUND',
  409: 'UPLOAD_OFFSET',
  410: 'UPLOAD_EXPIRED',
  412: 'UPLOAD_VERSION',
  413: 'UPLOAD_TOO_LARGE',
  // The extension is not supported.
  501: 'UPLOAD_HEADER',
};

const TAKEN_OVER = 'Request aborted due to lock acquired';

const takenOver = (): AppError =>
  new AppError('UPLOAD_LOCKED', 'A later request of the same upload took over from this one.');

/** Converts a failure of the tus library to an AppError with its message. Unexpected errors pass through. */
function tusError(error: unknown, maxUploadBytes: number): unknown {
  if (error instanceof AppError || typeof error !== 'object' || error === null) return error;
  const { status_code: status, body } = error as TusFailure;
  const code = status === undefined ? undefined : CODES[status];
  if (!code || body === undefined) return error;
  if (body === TAKEN_OVER) return takenOver();
  const context = code === 'UPLOAD_TOO_LARGE' ? { limit_bytes: maxUploadBytes } : {};
  return new AppError(code, sentence(body), context, { cause: error });
}

function sentence(body: string): string {
  const text = body.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
