import fastifyMultipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { ContentDigest } from '../multipart/content-digest.ts';
import { onceClosed } from '../once-closed.ts';
import { readRequestJson } from '../request-json.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The media types that the body of the route may have; '' stands for a body without a Content-Type. */
    accepts?: MediaType | readonly MediaType[];
  }
}

export type MediaType =
  | 'application/json'
  | 'application/x-ndjson'
  | 'multipart/form-data'
  | 'application/octet-stream'
  | 'application/offset+octet-stream'
  | '';

/** Parts have two or three headers of one line each. */
const MAX_PART_HEADERS = 16;
const MAX_PART_HEADER_BYTES = 8 * 1024;
const MAX_PART_NAME_BYTES = 100;

/** How request bodies are read: accepted types, JSON, multipart, and time limits. */
export const requestBodies = fp(
  async (app: FastifyInstance, { bodyTimeoutMs }: { readonly bodyTimeoutMs: number }) => {
    refuseOtherTypes(app);
    readJson(app);
    endLateBodies(app, bodyTimeoutMs);
    await readMultipart(app);
  },
);

/** The media type of a request's body without its parameters; '' if the request has no Content-Type. */
export const mediaTypeOf = ({ headers }: Pick<FastifyRequest, 'headers'>): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

/** Refuses bodies of another type or with a Content-Encoding before they are read. */
function refuseOtherTypes(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request) => {
    const { accepts } = request.routeOptions.config;
    // Some clients send the Content-Type of JSON with every request, even without a body. It is ignored there.
    if (!accepts && !hasBody(request)) delete request.headers['content-type'];
    if (!accepts) return;
    const encoding = request.headers['content-encoding']?.trim().toLowerCase();
    if (encoding && encoding !== 'identity') {
      throw new AppError(
        'UNSUPPORTED_CONTENT_ENCODING',
        `Content-Encoding ${encoding} is not accepted; send the body uncompressed.`,
        {
          content_encoding: encoding,
        },
      );
    }
    const type = mediaTypeOf(request);
    const known: readonly string[] = [accepts].flat();
    if (!known.includes(type)) {
      const sent = type === '' ? 'no Content-Type' : `Content-Type ${JSON.stringify(type.slice(0, 80))}`;
      const expected = known.filter((one) => one !== '').join(' or ');
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', `This request has ${sent}; ${expected} is expected.`, {
        accepts: expected,
      });
    }
    if (type === 'multipart/form-data' && !/;\s*boundary=/i.test(request.headers['content-type']!)) {
      throw new AppError('MULTIPART_MALFORMED', 'The Content-Type has no boundary parameter.');
    }
  });
}

/**
 * Reads JSON bodies with the strict reader, after checking their digests as for uploads. If an operation takes no body,
 * the body of the request is discarded unread, because some clients send `{}` with every POST.
 */
function readJson(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => {
      if (request.routeOptions.config.accepts === undefined) return undefined;
      const digest = new ContentDigest(request.headers);
      digest.update(bytes);
      digest.finish();
      if (bytes.length === 0)
        throw new AppError('REQUEST_JSON', 'The body is empty, but the Content-Type is application/json.');
      return readRequestJson(bytes);
    },
  );
}

/**
 * Ends requests whose body does not arrive in time, even if the route takes no body. Uploads may legitimately take
 * hours and have a watch of their own (multipart/body-watch.ts), which is why the server has no request timeout.
 */
function endLateBodies(app: FastifyInstance, bodyTimeoutMs: number): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!hasBody(request) || isUpload(request)) return;
    const timer = setTimeout(() => {
      if (request.raw.complete || reply.sent) return;
      reply.send(new AppError('REQUEST_TIMEOUT', `The request was not complete after ${bodyTimeoutMs} ms.`));
    }, bodyTimeoutMs);
    const clear = (): void => clearTimeout(timer);
    request.raw.once('end', clear).once('close', clear);
    // A request that was refused before its end may emit neither event.
    onceClosed(reply, clear);
  });
}

export const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Whether the route reads the body of a request as a stream. */
export function isUpload(request: FastifyRequest): boolean {
  const type = mediaTypeOf(request);
  const accepted: readonly (string | undefined)[] = [request.routeOptions.config.accepts].flat();
  return type !== 'application/json' && accepted.includes(type);
}

/**
 * https://github.com/fastify/fastify-multipart. Every limit is set explicitly, here or for the body of a route
 * (upload/receive-adapter.ts), because several defaults truncate input without an error.
 */
async function readMultipart(app: FastifyInstance): Promise<void> {
  await app.register(fastifyMultipart, {
    throwFileSizeLimit: false,
    limits: {
      // upload/receive-part.ts and upload/save-file.ts count the bytes of each part.
      fileSize: Number.POSITIVE_INFINITY,
      fieldNameSize: MAX_PART_NAME_BYTES,
      headerPairs: MAX_PART_HEADERS,
      ...({ headerSize: MAX_PART_HEADER_BYTES } as object),
    },
  });
}
