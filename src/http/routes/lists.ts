import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { TSchema } from 'typebox';
import { BatchList } from '../../contract/batch.ts';
import {
  AdapterListPage,
  AdapterListQuery,
  BatchListQuery,
  JobListPage,
  JobListQuery,
  RunListPage,
  RunListQuery,
} from '../../contract/list.ts';
import { wantedLabel } from '../../service/listing/label-filter.ts';
import { LIST_EXAMPLES } from '../list-examples.ts';
import { LINK, pageRequestOf, readListQuery, sendPage } from '../paging.ts';
import { workspaceOf } from '../principal.ts';
import { asComponent, problems, reference, response } from '../schemas.ts';

interface About {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
}

const listOptions = <Query extends TSchema>(querystring: Query, page: TSchema, about: About) => ({
  preValidation: readListQuery,
  schema: {
    ...about,
    querystring,
    response: {
      200: response('A page', reference(page), { headers: LINK }),
      ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
    },
  },
});

/** The lists of what comes and goes, page by page. */
export const listRoutes: FastifyPluginAsyncTypebox = async (app) => {
  for (const [schema, example] of LIST_EXAMPLES)
    app.addSchema({ ...asComponent(schema), examples: [example] });

  app.get(
    '/v1/jobs',
    listOptions(JobListQuery, JobListPage, {
      operationId: 'listJobs',
      tags: ['jobs'],
      summary: 'Jobs, the newest first',
      description:
        'Every condition has to hold. A list is read page by page: `next_cursor` of one is `cursor` of the next, until ' +
        'it is null. Jobs that come or go in between move nothing else.',
    }),
    async (request, reply) => {
      const {
        state: states,
        kind,
        adapter_id: adapterId,
        batch_id: batchId,
        label,
        ...asked
      } = request.query;
      const filter = { states, kind, adapterId, batchId, labels: label?.map(wantedLabel) };
      const page = await workspaceOf(request).lists.jobs.page(filter, pageRequestOf(asked, 'job'));
      return sendPage(request, reply, page);
    },
  );

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
      const page = await workspaceOf(request).lists.adapters.page(filter, pageRequestOf(query, 'ad'));
      return sendPage(request, reply, page);
    },
  );

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
      const page = await workspaceOf(request).lists.runs.page(filter, pageRequestOf(asked, 'run'));
      return sendPage(request, reply, page);
    },
  );
};
