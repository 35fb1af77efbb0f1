import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { JobRecord } from '../../contract/job.ts';
import { SqueezeRequest } from '../../contract/job-request.ts';
import { AppError } from '../../errors/app-error.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { invalidRequest } from '../../http/app-error-of.ts';
import { REQUEST_FIELD } from '../../http/multipart/body-parts.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { readRequestJson } from '../../http/request-json.ts';
import { LOCATION, problems, reference, response } from '../../http/schemas.ts';
import type { SchemaError } from '../../http/validation-message.ts';
import { checkTargets } from '../../serving/check-targets.ts';
import { squeezeParts } from '../adapters/upload/adapter-body.ts';
import type { UploadDependencies } from '../adapters/upload/receive-adapter.ts';
import { storeUpload } from '../adapters/upload/store-upload.ts';
import { workspaceOf } from '../own-workspace.ts';
import { ACCEPTED, answerJob, FINISHED } from './answer-job.ts';
import { checkConcurrentJobs, withinConcurrentJobs } from './concurrent-jobs.ts';
import { PreferHeader } from './routes.ts';

/** One object: what is compiled of it is kept by it, and for ever. */
const BODY = reference(SqueezeRequest);

/** POST /v1/squeeze: upload and job in one request. */
export const squeezeRoutes: FastifyPluginAsyncTypebox<{ deps: UploadDependencies }> = async (
  app,
  { deps },
) => {
  /** The same reader and validator as for the body of POST /v1/jobs. */
  function squeezeRequest(request: FastifyRequest, part: Buffer | undefined): SqueezeRequest {
    if (part === undefined) {
      throw new AppError(
        'FILE_MISSING',
        `The upload lacks the part "${REQUEST_FIELD}" with the targets as JSON.`,
        {
          missing: [REQUEST_FIELD],
        },
      );
    }
    const value = readRequestJson(part, REQUEST_FIELD);
    const validate = request.compileValidationSchema(BODY, 'body');
    if (!validate(value)) throw invalidRequest((validate.errors ?? []) as readonly SchemaError[]);
    return value as SqueezeRequest;
  }

  app.post(
    '/v1/squeeze',
    {
      config: { accepts: 'multipart/form-data' },
      schema: {
        operationId: 'squeeze',
        tags: ['jobs'],
        summary: 'Upload an adapter and squeeze it, in one call',
        description:
          'The files as for uploading an adapter, and a part `request` with what to do, in any order. The adapter is ' +
          'kept like any other.',
        headers: Type.Object({ ...PreferHeader.properties, ...UploadHeaders.properties }),
        multipart: squeezeParts,
        response: {
          200: response(FINISHED, reference(JobRecord), { headers: LOCATION }),
          202: response(ACCEPTED, reference(JobRecord), { headers: LOCATION }),
          ...problems(
            ...errorsOf('upload'),
            'VALIDATION_FAILED',
            'UNKNOWN_OPTION',
            'UNKNOWN_PROFILE',
            ...errorsOf('json'),
            'QUOTA_CONCURRENT_JOBS',
          ),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      // Before the upload, which would be for nothing.
      await checkConcurrentJobs(workspace, 1);
      let wanted: SqueezeRequest | undefined;
      const record = await storeUpload(request, deps, {
        onRequest: (value) => {
          wanted = squeezeRequest(request, value);
          checkTargets(wanted.targets);
        },
      });
      const { jobs } = workspace;
      const job = await withinConcurrentJobs(workspace, 1, () =>
        jobs.submit({ kind: 'squeeze', adapter_id: record.id, ...wanted! }, request.idempotent?.idOf('job')),
      );
      return answerJob(request, reply, jobs, job);
    },
  );
};
