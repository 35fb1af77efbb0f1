import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { RunListPage, RunListQuery } from '../../contract/list.ts';
import { RUN_PLACE } from '../../service/listing/run-list.ts';
import { runListExample } from '../list-examples.ts';
import { LINK, pageRequestOf, readListQuery, sendPage } from '../paging.ts';
import { workspaceOf } from '../principal.ts';
import { asComponent, problems, reference, response } from '../schemas.ts';

/** GET /v1/runs. */
export const runListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(RunListPage), examples: [runListExample] });

  app.get(
    '/v1/runs',
    {
      preValidation: readListQuery,
      schema: {
        operationId: 'listRuns',
        tags: ['annealing'],
        summary: 'Annealing runs, the newest first',
        description: 'In short: the run itself has its checkpoints. Pages are read as those of jobs are.',
        querystring: RunListQuery,
        response: {
          200: response('A page of runs', reference(RunListPage), { headers: LINK }),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
        },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const filter = { mode: query.mode, baseModel: query.base_model };
      const page = await workspaceOf(request).lists.runs.page(filter, pageRequestOf(query, RUN_PLACE));
      return sendPage(request, reply, page, { runs: page.items });
    },
  );
};
