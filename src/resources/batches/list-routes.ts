import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from 'typebox';
import { BatchList } from '../../contract/batch.ts';
import { BatchListQuery } from '../../contract/list.ts';
import { wantedLabel } from '../../database/lists/label-filter.ts';
import { listOptions } from '../../http/paging.ts';
import { pageRequestOf, sendPage } from '../../http/paging.ts';
import { asComponent } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { BATCH_SUMMARY_EXAMPLE } from './examples.ts';

/** Typed, so that it cannot go stale quietly. */
const PAGE_EXAMPLE: Static<typeof BatchList> = { data: [BATCH_SUMMARY_EXAMPLE], next_cursor: null };

/** GET /v1/batches. */
export const batchListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(BatchList), examples: [PAGE_EXAMPLE] });

  app.get(
    '/v1/batches',
    listOptions(BatchListQuery, BatchList, {
      operationId: 'listBatches',
      tags: ['batches'],
      summary: 'Batches, the newest first',
      description: 'Without their jobs. Every condition has to hold. Pages are read as those of jobs are.',
    }),
    async (request, reply) => {
      const { state: states, label, ...asked } = request.query;
      const filter = { states, labels: label?.map(wantedLabel) };
      const page = await workspaceOf(request).batches.page(filter, pageRequestOf(asked, 'batch'));
      return sendPage(request, reply, page);
    },
  );
};
