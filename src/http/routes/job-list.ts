import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { JobListPage, JobListQuery } from '../../contract/list.ts';
import { JOB_PLACE } from '../../service/listing/job-list.ts';
import { wantedLabel } from '../../service/listing/label-filter.ts';
import { jobListExample } from '../list-examples.ts';
import { LINK, pageRequestOf, readListQuery, sendPage } from '../paging.ts';
import { workspaceOf } from '../principal.ts';
import { asComponent, problems, reference, response } from '../schemas.ts';

/** GET /v1/jobs. */
export const jobListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(JobListPage), examples: [jobListExample] });

  app.get(
    '/v1/jobs',
    {
      preValidation: readListQuery,
      schema: {
        operationId: 'listJobs',
        tags: ['jobs'],
        summary: 'Jobs, the newest first',
        description:
          'Every condition has to hold. A list is read page by page: `next_cursor` of one is `cursor` of the next, until ' +
          'it is null. Jobs that come or go in between move nothing else.',
        querystring: JobListQuery,
        response: {
          200: response('A page of jobs', reference(JobListPage), { headers: LINK }),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
        },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const filter = {
        state: query.state,
        kind: query.kind,
        adapterId: query.adapter_id,
        batchId: query.batch_id,
        labels: query.label?.map(wantedLabel),
      };
      const page = await workspaceOf(request).lists.jobs.page(filter, pageRequestOf(query, JOB_PLACE));
      return sendPage(request, reply, page, { jobs: page.items, live: page.live });
    },
  );
};
