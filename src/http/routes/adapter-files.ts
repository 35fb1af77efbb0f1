import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { AppError } from '../../errors.ts';
import { fileOf } from '../../service/adapter-service.ts';
import { parseByteRange } from '../byte-range.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { allowsRange, entityTag, matchesNone } from '../entity-tag.ts';
import { AdapterPath, BINARY, problems, response } from '../schemas.ts';

/** Content never changes under an address that is derived from it. */
export const IMMUTABLE = 'private, max-age=31536000, immutable';

const FilePath = Type.Object({
  ...AdapterPath.properties,
  name: Type.String({
    description: 'Name of a file of the adapter',
    examples: ['adapter_model.safetensors'],
  }),
});
const FileHeaders = Type.Object({
  range: Type.Optional(
    Type.String({ description: 'One byte range; several are answered with the whole file' }),
  ),
  'if-range': Type.Optional(Type.String({ description: 'Honour `Range` only while the file has this ETag' })),
  'if-none-match': Type.Optional(Type.String({ description: 'ETag of the file the client has' })),
});
type FileRequest = FastifyRequest<{ Params: Static<typeof FilePath>; Headers: Static<typeof FileHeaders> }>;

const text = (description: string) => ({ type: 'string', description });
const FILE_HEADERS = {
  etag: text('SHA-256 of the file, hex, in quotes'),
  'repr-digest': text('SHA-256 of the whole file (RFC 9530)'),
  'accept-ranges': text('`bytes`'),
};
const BYTES = { mediaType: 'application/octet-stream', headers: FILE_HEADERS };

/** GET and HEAD /v1/adapters/{id}/files/{name}. */
export const adapterFileRoutes: FastifyPluginAsyncTypebox<{ deps: HttpDependencies }> = async (
  app,
  { deps },
) => {
  const url = '/v1/adapters/:id/files/:name';
  const schema = {
    operationId: 'downloadAdapterFile',
    tags: ['adapters'],
    summary: 'A file of an adapter',
    params: FilePath,
    headers: FileHeaders,
    response: {
      200: response('The file', BINARY, BYTES),
      206: response('The part asked for', BINARY, {
        ...BYTES,
        headers: { ...FILE_HEADERS, 'content-range': text('Which bytes of how many') },
      }),
      304: { description: 'The client has it', type: 'null' },
      ...problems('ADAPTER_NOT_FOUND', 'FILE_NOT_FOUND', 'RANGE_NOT_SATISFIABLE', 'STORAGE_FAILED'),
    },
  };

  async function handle(request: FileRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id, name } = request.params;
    const { sha256, bytes } = fileOf(await deps.adapters.get(id), name);
    const tag = entityTag(sha256);
    reply.headers({ etag: tag, 'cache-control': IMMUTABLE, 'accept-ranges': 'bytes' });
    if (matchesNone(request.headers['if-none-match'], tag)) return reply.code(304).send();

    // Range is defined for GET only (RFC 9110 §14.2).
    const mayRange = request.method === 'GET' && allowsRange(request.headers['if-range'], tag);
    const range = parseByteRange(mayRange ? request.headers.range : undefined, bytes);
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${bytes}`);
      const asked = JSON.stringify(request.headers.range);
      throw new AppError(
        'RANGE_NOT_SATISFIABLE',
        `${name} has ${bytes} bytes; the range ${asked} lies outside.`,
        { bytes },
      );
    }
    const part = range === 'whole' ? undefined : range;
    if (part) reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${bytes}`);
    reply.headers({
      'content-type': 'application/octet-stream',
      'content-length': part ? part.end - part.start + 1 : bytes,
      'content-disposition': `attachment; filename="${name}"`,
      'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    });
    if (request.method === 'HEAD') return reply.send();
    return reply.send((await deps.adapters.readFile(id, name, part)).stream);
  }

  app.get(url, { exposeHeadRoute: false, schema }, handle);
  app.head(url, { schema: { params: FilePath, headers: FileHeaders, hide: true } }, handle);
};
