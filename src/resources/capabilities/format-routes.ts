import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { FormatList, FormatRecord } from '../../contract/format.ts';
import { FORMAT_FACTS } from '../../formats/format-facts.ts';
import { wholeList } from '../../http/paging.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';

/** Formats change with releases of the service only; an hour lets a client notice those soon. */
const CACHE_CONTROL = 'public, max-age=3600';

/** GET /v1/formats. */
export const formatRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(FormatRecord), examples: [FORMAT_FACTS[0]] });
  app.addSchema({ ...asComponent(FormatList), examples: [wholeList(FORMAT_FACTS)] });

  app.get(
    '/v1/formats',
    {
      schema: {
        operationId: 'listFormats',
        tags: ['adapters'],
        summary: 'The formats that adapters can be in, and what can be done with each',
        response: { 200: response('Every format', reference(FormatList)), ...problems() },
      },
    },
    async (_request, reply) => reply.header('cache-control', CACHE_CONTROL).send(wholeList(FORMAT_FACTS)),
  );
};
