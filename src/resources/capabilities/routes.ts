import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { FormatList, FormatRecord } from '../../contract/format.ts';
import { ProfileList, ServingProfile } from '../../contract/serving.ts';
import { FORMAT_FACTS } from '../../formats/format-facts.ts';
import { entityTag, matchesNone } from '../../http/entity-tag.ts';
import { wholeList } from '../../http/paging.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { PROFILES, profileNamed } from '../../serving/profiles.ts';

/** They change with releases of the service only; an hour lets a client notice those soon. */
const CACHE_CONTROL = 'public, max-age=3600';

const ProfilePath = Type.Object({
  name: Type.String({ description: 'Name of a profile', examples: ['vllm'] }),
});
const ProfileHeaders = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETag of what the client has' })),
});
const HEADERS = { headers: { etag: { type: 'string', description: 'Digest of the answer' } } };
const NOT_MODIFIED = { description: 'The client has it', type: 'null' };

/** What the service can read, write and make adapters for. */
export const capabilityRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(FormatRecord), examples: [FORMAT_FACTS[0]] });
  app.addSchema({ ...asComponent(FormatList), examples: [wholeList(FORMAT_FACTS)] });

  app.get(
    '/v1/profiles',
    {
      schema: {
        operationId: 'listProfiles',
        tags: ['profiles'],
        summary: 'Where adapters can be made for, and the rules there',
        headers: ProfileHeaders,
        response: {
          200: response('Every profile', reference(ProfileList), HEADERS),
          304: NOT_MODIFIED,
          ...problems(),
        },
      },
    },
    async (request, reply) => cached(reply, request.headers['if-none-match'], wholeList(PROFILES)),
  );

  app.get(
    '/v1/profiles/:name',
    {
      schema: {
        operationId: 'getProfile',
        tags: ['profiles'],
        summary: 'A profile: what a place takes, and where that was read',
        params: ProfilePath,
        headers: ProfileHeaders,
        response: {
          200: response('The profile', reference(ServingProfile), HEADERS),
          304: NOT_MODIFIED,
          ...problems('PROFILE_NOT_FOUND'),
        },
      },
    },
    async (request, reply) =>
      cached(reply, request.headers['if-none-match'], profileNamed(request.params.name, 'PROFILE_NOT_FOUND')),
  );

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

function cached(reply: FastifyReply, ifNoneMatch: string | undefined, body: unknown): FastifyReply {
  const tag = entityTag(createHash('sha256').update(JSON.stringify(body)).digest('hex'));
  reply.headers({ etag: tag, 'cache-control': CACHE_CONTROL });
  return matchesNone(ifNoneMatch, tag) ? reply.code(304).send() : reply.send(body);
}
