import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { entityTag, matchesNone } from '../entity-tag.ts';
import { AdapterPath, BINARY, problems, response } from '../schemas.ts';
import { IMMUTABLE } from '../send-file.ts';
import { zipArchive } from '../zip-archive.ts';

/** GET and HEAD /v1/adapters/{id}/archive. */
export const adapterArchiveRoutes: FastifyPluginAsyncTypebox<{ deps: HttpDependencies }> = async (
  app,
  { deps },
) => {
  const url = '/v1/adapters/:id/archive';
  const schema = {
    operationId: 'downloadAdapterArchive',
    tags: ['adapters'],
    summary: 'All files of an adapter as a zip',
    description:
      'The files are stored uncompressed under their names. The same adapter gives the same bytes.',
    params: AdapterPath,
    response: {
      200: response('The archive', BINARY, { mediaType: 'application/zip' }),
      304: { description: 'The client has it', type: 'null' },
      ...problems('ADAPTER_NOT_FOUND', 'STORAGE_FAILED'),
    },
  };

  async function handle(
    request: FastifyRequest<{ Params: Static<typeof AdapterPath> }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { id, files } = await deps.adapters.get(request.params.id);
    const tag = entityTag(id);
    reply.headers({ etag: tag, 'cache-control': IMMUTABLE });
    if (matchesNone(request.headers['if-none-match'], tag)) return reply.code(304).send();

    const entries = files.map(({ name, bytes }) => ({
      name,
      bytes,
      open: async () => (await deps.adapters.readFile(id, name)).stream,
    }));
    const { stream, bytes } = await zipArchive(entries);
    reply.headers({
      'content-type': 'application/zip',
      'content-length': bytes,
      'content-disposition': `attachment; filename="${id}.zip"`,
    });
    if (request.method === 'GET') return reply.send(stream);
    stream.destroy();
    return reply.send();
  }

  app.get(url, { exposeHeadRoute: false, schema }, handle);
  app.head(url, { schema: { params: AdapterPath, hide: true } }, handle);
};
