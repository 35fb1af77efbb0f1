import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from 'typebox';
import { RunListPage, RunListQuery } from '../../contract/list.ts';
import { listOptions } from '../../http/paging.ts';
import { pageRequestOf, sendPage } from '../../http/paging.ts';
import { asComponent } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { RUN_EXAMPLE } from './examples.ts';

/** Typed, so that it cannot go stale quietly. */
const PAGE_EXAMPLE: Static<typeof RunListPage> = {
  data: [
    {
      id: RUN_EXAMPLE.id,
      name: RUN_EXAMPLE.name,
      base_model: RUN_EXAMPLE.base_model,
      mode: RUN_EXAMPLE.mode,
      step: RUN_EXAMPLE.step,
      checkpoints: RUN_EXAMPLE.checkpoints.length,
      created_at: RUN_EXAMPLE.created_at,
    },
  ],
  next_cursor: null,
};

/** GET /v1/runs. */
export const runListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(RunListPage), examples: [PAGE_EXAMPLE] });

  app.get(
    '/v1/runs',
    listOptions(RunListQuery, RunListPage, {
      operationId: 'listRuns',
      tags: ['annealing'],
      summary: 'Annealing runs, the newest first',
      description:
        'In short: the run itself has its checkpoints. Every condition has to hold. Pages are read as those of jobs are.',
    }),
    async (request, reply) => {
      const { mode, base_model: baseModel, name, ...asked } = request.query;
      const filter = { mode, baseModel, name };
      const page = await workspaceOf(request).runs.page(filter, pageRequestOf(asked, 'run'));
      return sendPage(request, reply, page);
    },
  );
};
