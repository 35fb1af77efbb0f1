import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { AdapterRecord } from '../../contract/adapter.ts';
import { AdapterFromUploads } from '../../contract/upload.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { mediaTypeOf } from '../../http/plugins/request-bodies.ts';
import {
  AdapterModules,
  AdapterPath,
  asComponent,
  LOCATION,
  problems,
  reference,
  response,
} from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { ADAPTER_FROM_UPLOADS_EXAMPLE } from './examples.ts';
import { MAX_CONFIG_BYTES } from './service.ts';
import { adapterParts } from './upload/adapter-body.ts';
import type { UploadDependencies } from './upload/receive-adapter.ts';
import { storeUpload } from './upload/store-upload.ts';

const isJson = (request: FastifyRequest): boolean => mediaTypeOf(request) === 'application/json';

export interface AdapterRoutesOptions {
  readonly deps: UploadDependencies;
  /** Makes an adapter of files that came before. */
  readonly fromUploads: (request: FastifyRequest, body: AdapterFromUploads) => Promise<AdapterRecord>;
}

/** POST /v1/adapters, GET /v1/adapters/{id} and its modules. */
export const adapterRoutes: FastifyPluginAsyncTypebox<AdapterRoutesOptions> = async (
  app,
  { deps, fromUploads },
) => {
  app.addSchema({ ...asComponent(AdapterFromUploads), examples: [ADAPTER_FROM_UPLOADS_EXAMPLE] });

  app.post(
    '/v1/adapters',
    {
      config: { accepts: ['multipart/form-data', 'application/json'] },
      // An inline configuration may be as large as one in a file.
      bodyLimit: MAX_CONFIG_BYTES + 16 * 1024,
      schema: {
        operationId: 'uploadAdapter',
        tags: ['adapters'],
        summary: 'Upload an adapter',
        description:
          'Takes the files of an adapter in any order: its weights and, in formats that have one (PEFT, MLX), its ' +
          'configuration. The format is told by the files (GET /v1/formats). A part is recognised by its name or, ' +
          'failing that, by its filename (`curl -F files=@adapter_config.json -F files=@adapter_model.safetensors`, ' +
          '`curl -F weights=@my-lora.safetensors`). The files are ' +
          'checked while they arrive. Each upload makes an adapter of its own, with what you say of it, also where the same ' +
          'content is here already: it takes no more room then, but counts in full. As JSON, the files are uploads that came before; they are gone afterwards, unless the request was refused.',
        headers: UploadHeaders,
        multipart: adapterParts,
        body: { content: { 'application/json': { schema: reference(AdapterFromUploads) } } },
        response: {
          201: response('Stored', reference(AdapterRecord), { headers: LOCATION }),
          ...problems(...errorsOf('upload'), ...errorsOf('json', 'json-body'), ...errorsOf('use-uploads')),
        },
      },
    },
    async (request, reply) => {
      const record = await (isJson(request)
        ? fromUploads(request, request.body as AdapterFromUploads)
        : storeUpload(request, deps));
      return reply.code(201).header('location', `/v1/adapters/${record.id}`).send(record);
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
          ...problems('ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => reply.send(await workspaceOf(request).adapters.get(request.params.id)),
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
          ...problems('ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) =>
      reply.send({ modules: await workspaceOf(request).adapters.modules(request.params.id) }),
  );
};
