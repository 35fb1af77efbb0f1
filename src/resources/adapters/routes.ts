import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AdapterPatch, AdapterRecord } from '../../contract/adapter.ts';
import { AdapterListPage, AdapterListQuery } from '../../contract/list.ts';
import { parseLabelFilter } from '../../database/lists/label-filter.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { listOptions, pageRequestOf, sendPage } from '../../http/paging.ts';
import {
  AdapterModules,
  AdapterPath,
  asComponent,
  LOCATION,
  problems,
  REMOVED,
  reference,
  response,
} from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { ADAPTER_PAGE_EXAMPLE, ADAPTER_PATCH_EXAMPLE } from './examples.ts';
import { ADAPTER_ERRORS } from './service.ts';
import type { UploadDependencies } from './upload/receive-adapter.ts';
import { adapterParts, storeUpload } from './upload/store-upload.ts';

/** Routes to upload, list, read, change and delete adapters. Those for their files are in download-routes.ts. */
export const adapterRoutes: FastifyPluginAsyncTypebox<{ deps: UploadDependencies }> = async (
  app,
  { deps },
) => {
  app.addSchema({ ...asComponent(AdapterPatch), examples: [ADAPTER_PATCH_EXAMPLE] });
  app.addSchema({ ...asComponent(AdapterListPage), examples: [ADAPTER_PAGE_EXAMPLE] });

  app.post(
    '/v1/adapters',
    {
      config: { accepts: 'multipart/form-data' },
      schema: {
        operationId: 'uploadAdapter',
        tags: ['adapters'],
        summary: 'Upload an adapter',
        description:
          'Takes the files of an adapter in any order: its weights and, in formats that have one (PEFT, MLX), its ' +
          'configuration. The format is recognised from the files (GET /v1/capabilities). A part is recognised by ' +
          'its name or otherwise by its filename (`curl -F files=@adapter_config.json -F ' +
          'files=@adapter_model.safetensors`, `curl -F weights=@my-lora.safetensors`). The files are checked while ' +
          'they arrive. Each upload creates a separate adapter with its own name, labels and time to live, even if ' +
          'the same content exists already: it is then stored only once, but counts in full.',
        headers: UploadHeaders,
        multipart: adapterParts,
        response: {
          201: response('Stored', reference(AdapterRecord), { headers: LOCATION }),
          ...problems(...codesOfGroups('upload'), ...codesOfGroups('json', 'json-body')),
        },
      },
    },
    async (request, reply) => {
      const record = await storeUpload(request, deps);
      return reply.code(201).header('location', `/v1/adapters/${record.id}`).send(record);
    },
  );

  app.get(
    '/v1/adapters/:id',
    {
      schema: {
        operationId: 'getAdapter',
        tags: ['adapters'],
        summary: 'Get an adapter',
        params: AdapterPath,
        response: {
          200: response('The adapter', reference(AdapterRecord)),
          ...problems(...ADAPTER_ERRORS.get),
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
        summary: 'List the modules of an adapter with their shape, rank and scaling',
        params: AdapterPath,
        response: {
          200: response('The modules, in name order', reference(AdapterModules)),
          ...problems(...ADAPTER_ERRORS.modules),
        },
      },
    },
    async (request, reply) =>
      reply.send({ modules: await workspaceOf(request).adapters.modules(request.params.id) }),
  );

  app.get(
    '/v1/adapters',
    listOptions(AdapterListQuery, AdapterListPage, {
      operationId: 'listAdapters',
      tags: ['adapters'],
      summary: 'List adapters, uploads and results, the newest first',
      description: 'An adapter is listed if it meets all conditions. Pages work as in the list of jobs.',
    }),
    async (request, reply) => {
      const { query } = request;
      const filter = {
        baseModel: query.base_model,
        format: query.format,
        parentId: query.parent_id,
        jobId: query.job_id,
        batchId: query.batch_id,
        name: query.name,
        labels: query.label?.map(parseLabelFilter),
      };
      const page = await workspaceOf(request).adapters.page(filter, pageRequestOf(query, 'ad'));
      return sendPage(request, reply, page);
    },
  );

  app.patch(
    '/v1/adapters/:id',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'updateAdapter',
        tags: ['adapters'],
        summary: 'Change the name, labels or time to live of an adapter',
        params: AdapterPath,
        body: reference(AdapterPatch),
        response: {
          200: response('The changed adapter', reference(AdapterRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...ADAPTER_ERRORS.change),
        },
      },
    },
    async (request, reply) => {
      const { name, labels, ttl_seconds: ttlSeconds } = request.body;
      const { adapters } = workspaceOf(request);
      return reply.send(await adapters.change(request.params.id, { name, labels, ttlSeconds }));
    },
  );

  app.delete(
    '/v1/adapters/:id',
    {
      schema: {
        operationId: 'deleteAdapter',
        tags: ['adapters'],
        summary: 'Delete an adapter',
        description:
          'Refused while an unfinished job reads it. Results made from it stay, and so do the records of jobs. The ' +
          'adapter disappears immediately; a later sweep frees the space if no other adapter has the same content.',
        params: AdapterPath,
        response: {
          204: REMOVED,
          ...problems(...ADAPTER_ERRORS.remove),
        },
      },
    },
    async (request, reply) => {
      await workspaceOf(request).adapters.remove(request.params.id);
      return reply.code(204).send(null);
    },
  );
};
