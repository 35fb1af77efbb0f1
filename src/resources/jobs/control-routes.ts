import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { JobRecord } from '../../contract/job.ts';
import { JobPatch } from '../../contract/job-request.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import {
  asComponent,
  JobPath,
  LOCATION,
  problems,
  REMOVED,
  reference,
  response,
} from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { JOB_CONTROL_ERRORS } from './control.ts';
import { priorityCeiling } from './priority-ceiling.ts';
import { QUEUED_JOBS_ERRORS, submitWithinQueueLimit } from './queued-jobs.ts';

/** Routes to cancel, retry, delete, name and label jobs, and to retry their failed deliveries. */
export const jobControlRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({
    ...asComponent(JobPatch),
    examples: [{ name: 'search-v3 to rank 16', labels: { team: 'search', env: 'prod' } }],
  });

  app.post(
    '/v1/jobs/:id/cancel',
    {
      schema: {
        operationId: 'cancelJob',
        tags: ['jobs'],
        summary: 'Cancel a job',
        description:
          'The response is final: the job is `cancelled` from then on and has no results. A queued job never starts. ' +
          'An active one stops at its next module, unless other jobs wait for the same work. Repeating the call ' +
          'returns the same response.',
        params: JobPath,
        response: {
          200: response('The cancelled job', reference(JobRecord)),
          ...problems(...JOB_CONTROL_ERRORS.cancel),
        },
      },
    },
    async (request, reply) => reply.send(await workspaceOf(request).jobControl.cancel(request.params.id)),
  );

  app.post(
    '/v1/jobs/:id/retry',
    {
      schema: {
        operationId: 'retryJob',
        tags: ['jobs'],
        summary: 'Retry a failed, partial or cancelled job',
        description:
          'Creates a new job with the same request, labels, priority and time to live, and all its targets; its ' +
          '`retry_of` names the old one. The old job stays unchanged and in its batch; the new job belongs to no batch. To repeat a ' +
          'job that succeeded, submit its request with `reuse: false`.',
        params: JobPath,
        response: {
          202: response('The new job, which is stored durably', reference(JobRecord), { headers: LOCATION }),
          ...problems(...JOB_CONTROL_ERRORS.retry, ...QUEUED_JOBS_ERRORS),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const ceiling = await priorityCeiling(request, workspace);
      const job = await submitWithinQueueLimit(workspace, 1, () =>
        workspace.jobControl.retry(request.params.id, request.idempotent?.idOf('job'), ceiling),
      );
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(job);
    },
  );

  app.post(
    '/v1/jobs/:id/deliveries/retry',
    {
      schema: {
        operationId: 'retryJobDeliveries',
        tags: ['jobs'],
        summary: 'Retry the failed deliveries of a job',
        description:
          'Failed deliveries are `pending` again and are tried as if for the first time; others stay unchanged. The ' +
          'state of the job does not change.',
        params: JobPath,
        response: {
          202: response(
            'The job; its deliveries are pending again, which is stored durably',
            reference(JobRecord),
            {
              headers: LOCATION,
            },
          ),
          ...problems(...JOB_CONTROL_ERRORS.retryDeliveries),
        },
      },
    },
    async (request, reply) => {
      const job = await workspaceOf(request).jobControl.retryDeliveries(request.params.id);
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(job);
    },
  );

  app.patch(
    '/v1/jobs/:id',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'updateJob',
        tags: ['jobs'],
        summary: 'Change the name or the labels of a job',
        description: 'A job can be changed at any time, even after it has ended.',
        params: JobPath,
        body: reference(JobPatch),
        response: {
          200: response('The job', reference(JobRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...JOB_CONTROL_ERRORS.change),
        },
      },
    },
    async (request, reply) =>
      reply.send(await workspaceOf(request).jobControl.change(request.params.id, request.body)),
  );

  app.delete(
    '/v1/jobs/:id',
    {
      schema: {
        operationId: 'deleteJob',
        tags: ['jobs'],
        summary: 'Delete a job that has ended',
        description:
          'The report of the job is deleted as well. Its results stay, because they are adapters like any ' +
          'other.',
        params: JobPath,
        response: {
          204: REMOVED,
          ...problems(...JOB_CONTROL_ERRORS.remove),
        },
      },
    },
    async (request, reply) => {
      await workspaceOf(request).jobControl.remove(request.params.id);
      return reply.code(204).send(null);
    },
  );
};
