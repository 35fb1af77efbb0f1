import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AdapterRecord } from '../../contract/adapter.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { AdapterModules, AdapterPath, LOCATION, problems, reference, response } from '../schemas.ts';
import { storeUpload } from '../store-upload.ts';
import { adapterParts, UPLOAD_PROBLEMS, UploadHeaders } from '../upload/multipart-schema.ts';

/** POST /v1/adapters, GET /v1/adapters/{id} and its modules. */
export const adapterRoutes: FastifyPluginAsyncTypebox<{ deps: HttpDependencies }> = async (app, { deps }) => {
  const { adapters } = deps;

  app.post(
    '/v1/adapters',
    {
      config: { accepts: 'multipart/form-data' },
      schema: {
        operationId: 'uploadAdapter',
        tags: ['adapters'],
        summary: 'Upload an adapter',
        description:
          'Takes the two files of a PEFT adapter, in any order. A part is recognised by its name or, failing that, by ' +
          'its filename (`curl -F files=@adapter_config.json -F files=@adapter_model.safetensors`). The files are ' +
          'checked while they arrive. Ids are derived from the content: the same files have the same id.',
        headers: UploadHeaders,
        multipart: adapterParts,
        response: {
          200: response('The same content is here already', reference(AdapterRecord), { headers: LOCATION }),
          201: response('Stored', reference(AdapterRecord), { headers: LOCATION }),
          ...problems(...UPLOAD_PROBLEMS),
        },
      },
    },
    async (request, reply) => {
      const { record, created } = await storeUpload(request, deps);
      return reply
        .code(created ? 201 : 200)
        .header('location', `/v1/adapters/${record.id}`)
        .send(record);
    },
  );

  app.get(
    '/v1/adapters/:id',
    {
      schema: {
        operationId: 'getAdapter',
        tags: ['adapters'],
        summary: 'An adapter',
        params: AdapterPath,
        response: {
          200: response('The adapter', reference(AdapterRecord)),
          ...problems('ADAPTER_NOT_FOUND', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => reply.send(await adapters.get(request.params.id)),
  );

  app.get(
    '/v1/adapters/:id/modules',
    {
      schema: {
        operationId: 'getAdapterModules',
        tags: ['adapters'],
        summary: 'The modules of an adapter: shape, rank and scale of each',
        params: AdapterPath,
        response: {
          200: response('The modules, in name order', reference(AdapterModules)),
          ...problems('ADAPTER_NOT_FOUND', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => reply.send({ modules: await adapters.modules(request.params.id) }),
  );
};
