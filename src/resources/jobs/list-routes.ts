import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from 'typebox';
import { JOB_EXAMPLE } from '../../contract/examples.ts';
import { JobListPage, JobListQuery } from '../../contract/list.ts';
import { wantedLabel } from '../../database/lists/label-filter.ts';
import { listOptions } from '../../http/paging.ts';
import { pageRequestOf, sendPage } from '../../http/paging.ts';
import { asComponent } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';

/** Typed, so that it cannot go stale quietly. */
const PAGE_EXAMPLE: Static<typeof JobListPage> = {
  data: [JOB_EXAMPLE],
  next_cursor: Buffer.from(JOB_EXAMPLE.id).toString('base64url'),
};

/** GET /v1/jobs. */
export const jobListRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(JobListPage), examples: [PAGE_EXAMPLE] });

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
      const page = await workspaceOf(request).jobs.page(filter, pageRequestOf(asked, 'job'));
      return sendPage(request, reply, page);
    },
  );
};
