import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from 'typebox';
import { ADAPTER_EXAMPLE } from '../../contract/examples.ts';
import { AdapterListPage, AdapterListQuery } from '../../contract/list.ts';
import { wantedLabel } from '../../database/lists/label-filter.ts';
import { listOptions } from '../../http/paging.ts';
import { pageRequestOf, sendPage } from '../../http/paging.ts';
import { asComponent } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';

/** Typed, so that it cannot go stale quietly. */
const PAGE_EXAMPLE: Static<typeof AdapterListPage> = { data: [ADAPTER_EXAMPLE], next_cursor: null };

/** GET /v1/adapters. */
export const adapterListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(AdapterListPage), examples: [PAGE_EXAMPLE] });

  app.get(
    '/v1/adapters',
    listOptions(AdapterListQuery, AdapterListPage, {
      operationId: 'listAdapters',
      tags: ['adapters'],
      summary: 'Adapters, uploaded ones and results, the newest first',
      description: 'Every condition has to hold. Pages are read as those of jobs are.',
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
        labels: query.label?.map(wantedLabel),
      };
      const page = await workspaceOf(request).adapters.page(filter, pageRequestOf(query, 'ad'));
      return sendPage(request, reply, page);
    },
  );
};
