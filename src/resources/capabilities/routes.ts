import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { MAX_BATCH_ITEMS } from '../../contract/batch.ts';
import { Capabilities } from '../../contract/capabilities.ts';
import { FormatRecord } from '../../contract/format.ts';
import { MAX_MERGE_SOURCES } from '../../contract/job-request.ts';
import { MAX_LABELS } from '../../contract/labels.ts';
import { MAX_LIMIT } from '../../contract/page.ts';
import { MAX_TARGETS } from '../../contract/transfer-job.ts';
import { GGUF_ARCHITECTURES } from '../../formats/convert/gguf-architectures.ts';
import { FORMAT_FACTS } from '../../formats/format-facts.ts';
import { entityTag, matchesNone } from '../../http/entity-tag.ts';
import { MAX_WAIT_SECONDS } from '../../http/prefer.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { PROFILES } from '../../serving/profiles.ts';

export interface CapabilityRoutesOptions {
  readonly version: string;
  readonly maxUploadBytes: number;
}

/** GET /v1/capabilities. They only change with a release or a restart, so clients may cache them for an hour. */
export const capabilityRoutes: FastifyPluginAsyncTypebox<CapabilityRoutesOptions> = async (
  app,
  { version, maxUploadBytes },
) => {
  const capabilities = {
    version,
    formats: FORMAT_FACTS,
    architectures: GGUF_ARCHITECTURES,
    profiles: PROFILES,
    limits: {
      upload_bytes: maxUploadBytes,
      targets: MAX_TARGETS,
      merge_sources: MAX_MERGE_SOURCES,
      batch_items: MAX_BATCH_ITEMS,
      labels: MAX_LABELS,
      page_items: MAX_LIMIT,
      wait_seconds: MAX_WAIT_SECONDS,
    },
  };
  const json = JSON.stringify(capabilities);
  const etag = entityTag(createHash('sha256').update(json).digest('hex'));
  app.addSchema(asComponent(FormatRecord));
  app.addSchema(asComponent(Capabilities));

  app.get(
    '/v1/capabilities',
    {
      schema: {
        operationId: 'getCapabilities',
        tags: ['service'],
        summary:
          'Get what the service can do: formats with the options of each conversion, profiles, limits, version',
        headers: Type.Object({
          'if-none-match': Type.Optional(Type.String({ description: "ETag of the client's copy" })),
        }),
        response: {
          200: response('The capabilities', reference(Capabilities), {
            headers: { etag: { type: 'string', description: 'Digest of the response' } },
          }),
          304: { description: "The client's copy is current", type: 'null' },
          ...problems(),
        },
      },
    },
    async (request, reply) => {
      reply.headers({ etag, 'cache-control': 'private, max-age=3600' });
      if (matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send(null);
      return reply.header('content-type', 'application/json; charset=utf-8').send(json as never);
    },
  );
};
