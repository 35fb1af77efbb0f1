import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AdapterRecord } from '../../contract/adapter.ts';
import { AdapterFromUploads } from '../../contract/upload.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { MAX_CONFIG_BYTES } from '../../formats/peft/limits.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { asComponent, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import { adapterFromUploads, type UploadsDependencies } from './adapter-from-uploads.ts';
import { ADAPTER_FROM_UPLOADS_EXAMPLE } from './examples.ts';

/** POST /v1/adapters/from-uploads. */
export const adapterFromUploadsRoutes: FastifyPluginAsyncTypebox<{ deps: UploadsDependencies }> = async (
  app,
  { deps },
) => {
  app.addSchema({ ...asComponent(AdapterFromUploads), examples: [ADAPTER_FROM_UPLOADS_EXAMPLE] });

  app.post(
    '/v1/adapters/from-uploads',
    {
      config: { accepts: 'application/json' },
      // A configuration in the request may be as large as one in a file.
      bodyLimit: MAX_CONFIG_BYTES + 16 * 1024,
      schema: {
        operationId: 'createAdapterFromUploads',
        tags: ['adapters'],
        summary: 'Create an adapter from uploads',
        description:
          'The same as an upload with all files in one request. The uploads are removed afterwards, unless the ' +
          'request was refused.',
        headers: UploadHeaders,
        body: reference(AdapterFromUploads),
        response: {
          201: response('Stored', reference(AdapterRecord), { headers: LOCATION }),
          ...problems(
            ...codesOfGroups('upload'),
            ...codesOfGroups('json', 'json-body'),
            ...codesOfGroups('use-uploads'),
          ),
        },
      },
    },
    async (request, reply) => {
      const record = await adapterFromUploads(request, request.body, deps);
      return reply.code(201).header('location', `/v1/adapters/${record.id}`).send(record);
    },
  );
};
