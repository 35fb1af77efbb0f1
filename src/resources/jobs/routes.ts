import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { JobRecord } from '../../contract/job.ts';
import { JobRequest } from '../../contract/job-request.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { JobPath, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { answerCurrentJob } from './answer-final-job.ts';
import { ACCEPTED, answerJob, FINISHED, PREFER_DESCRIPTION } from './answer-job.ts';
import { withinConcurrentJobs } from './concurrent-jobs.ts';
import type { FinalJobs } from './final-jobs.ts';

export const PreferHeader = Type.Object({
  prefer: Type.Optional(Type.String({ description: PREFER_DESCRIPTION, examples: ['wait=30'] })),
});

const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETag of the job the client has' })),
});

/** POST /v1/jobs and GET /v1/jobs/{id}. */
export const jobRoutes: FastifyPluginAsyncTypebox<{ finals: FinalJobs }> = async (app, { finals }) => {
  app.post(
    '/v1/jobs',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'submitJob',
        tags: ['jobs'],
        summary: 'Squeeze, analyze or merge adapters',
        description:
          '`kind` says which. `squeeze` brings one adapter to each target. `analyze` writes nothing: the report says ' +
          'what every rank would lose and recommends some. `merge` sums up to 32 adapters on one base, of any ranks, ' +
          'with weights, and brings the sum to each target. Equal requests, by the content of their adapters, are done ' +
          'once: a later one has a job and results of its own, with `reused: true`, and where the work was done before it ' +
          'ends at once. `reuse: false` has it done again.',
        headers: PreferHeader,
        body: reference(JobRequest),
        response: {
          200: response(FINISHED, reference(JobRecord), { headers: LOCATION }),
          202: response(ACCEPTED, reference(JobRecord), { headers: LOCATION }),
          ...problems(
            ...errorsOf('json', 'json-body'),
            'UNKNOWN_PROFILE',
            'OUTBOUND_URL_INVALID',
            'OUTBOUND_FORBIDDEN',
            'SECRETS_UNAVAILABLE',
            'ADAPTER_NOT_FOUND',
            'ADAPTER_EXPIRED',
            'QUOTA_CONCURRENT_JOBS',
            'STORAGE_FULL',
            'STORAGE_FAILED',
          ),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const { jobs } = workspace;
      const accepted = await withinConcurrentJobs(workspace, 1, () =>
        jobs.submit(request.body, request.idempotent?.idOf('job')),
      );
      return answerJob(request, reply, jobs, accepted);
    },
  );

  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        tags: ['jobs'],
        summary: 'A job: state, progress, results',
        params: JobPath,
        headers: IfNoneMatch,
        response: {
          200: response('The job; one that has ended with an ETag', reference(JobRecord), {
            headers: { etag: { type: 'string', description: 'Of a job that has ended, as it is now' } },
          }),
          304: { description: 'The job has ended, and the client has it as it is', type: 'null' },
          ...problems('JOB_NOT_FOUND'),
        },
      },
    },
    (request, reply) => answerCurrentJob(finals, request, reply),
  );
};
