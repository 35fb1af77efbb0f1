import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { JobRecord, JobRequest } from '../../contract/job.ts';
import { Report } from '../../contract/report.ts';
import { answerJob, PREFER_DESCRIPTION } from '../answer-job.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { JobPath, JSON_BODY_PROBLEMS, LOCATION, problems, reference, response } from '../schemas.ts';

export const PreferHeader = Type.Object({
  prefer: Type.Optional(Type.String({ description: PREFER_DESCRIPTION, examples: ['wait=30'] })),
});

/** POST /v1/jobs, GET /v1/jobs/{id} and its report. */
export const jobRoutes: FastifyPluginAsyncTypebox<{ deps: HttpDependencies }> = async (app, { deps }) => {
  const { jobs } = deps;

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
          'with weights, and brings the sum to each target.',
        headers: PreferHeader,
        body: reference(JobRequest),
        response: {
          200: response('Finished while the client waited', reference(JobRecord), { headers: LOCATION }),
          202: response('Accepted, durably', reference(JobRecord), { headers: LOCATION }),
          ...problems(
            ...JSON_BODY_PROBLEMS,
            'UNKNOWN_PROFILE',
            'ADAPTER_NOT_FOUND',
            'QUEUE_UNAVAILABLE',
            'STORAGE_FULL',
            'STORAGE_FAILED',
          ),
        },
      },
    },
    async (request, reply) => answerJob(request, reply, jobs, await jobs.submit(request.body)),
  );

  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        tags: ['jobs'],
        summary: 'A job: state, progress, results',
        params: JobPath,
        response: {
          200: response('The job', reference(JobRecord)),
          ...problems('JOB_NOT_FOUND', 'QUEUE_UNAVAILABLE', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await jobs.get(request.params.id)),
  );

  app.get(
    '/v1/jobs/:id/report',
    {
      schema: {
        operationId: 'getReport',
        tags: ['jobs'],
        summary: 'The report of a job: spectra, and how close each result is, module by module',
        params: JobPath,
        response: {
          200: response('The report', reference(Report)),
          ...problems('JOB_NOT_FOUND', 'REPORT_NOT_READY', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => reply.send(await jobs.report(request.params.id)),
  );
};
