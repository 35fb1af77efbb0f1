import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AdapterListPage, AdapterListQuery } from '../../contract/list.ts';
import { ADAPTER_PLACE } from '../../service/listing/adapter-list.ts';
import { wantedLabel } from '../../service/listing/label-filter.ts';
import { adapterListExample } from '../list-examples.ts';
import { LINK, pageRequestOf, readListQuery, sendPage } from '../paging.ts';
import { workspaceOf } from '../principal.ts';
import { asComponent, problems, reference, response } from '../schemas.ts';

/** GET /v1/adapters. */
export const adapterListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(AdapterListPage), examples: [adapterListExample] });

  app.get(
    '/v1/adapters',
    {
      preValidation: readListQuery,
      schema: {
        operationId: 'listAdapters',
        tags: ['adapters'],
        summary: 'Adapters, uploaded ones and results, the newest first',
        description: 'Every condition has to hold. Pages are read as those of jobs are.',
        querystring: AdapterListQuery,
        response: {
          200: response('A page of adapters', reference(AdapterListPage), { headers: LINK }),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
        },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const filter = {
        baseModel: query.base_model,
        format: query.format,
        parentId: query.parent_id,
        jobId: query.job_id,
        labels: query.label?.map(wantedLabel),
      };
      const { adapters } = workspaceOf(request).lists;
      const page = await adapters.page(filter, pageRequestOf(query, ADAPTER_PLACE));
      return sendPage(request, reply, page, { adapters: page.items });
    },
  );
};
