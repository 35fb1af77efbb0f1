import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { JobRecord } from '../../contract/job.ts';
import { JobRequest, SqueezeRequest } from '../../contract/job-request.ts';
import { JobListPage, JobListQuery } from '../../contract/list.ts';
import { parseLabelFilter } from '../../database/lists/label-filter.ts';
import { AppError, ignoring } from '../../errors/app-error.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { invalidRequest } from '../../http/convert-error.ts';
import { MAX_JOB_BYTES, REQUEST_FIELD } from '../../http/multipart/body-parts.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { listOptions, pageRequestOf, sendPage } from '../../http/paging.ts';
import { PreferHeader, preferredWait } from '../../http/prefer.ts';
import { readRequestJson } from '../../http/request-json.ts';
import { asComponent, JobPath, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import type { StoredResponse } from '../../http/stored-response.ts';
import type { SchemaError } from '../../http/validation-message.ts';
import type { UploadDependencies } from '../adapters/upload/receive-adapter.ts';
import { squeezeParts, storeUpload } from '../adapters/upload/store-upload.ts';
import { workspaceOf } from '../own-workspace.ts';
import { JOB_PAGE_EXAMPLE } from './examples.ts';
import { type FinalJobCache, sendCurrentJob } from './final-job-cache.ts';
import { priorityCeiling } from './priority-ceiling.ts';
import { checkQueuedJobs, QUEUED_JOBS_ERRORS, submitWithinQueueLimit } from './queued-jobs.ts';
import { JOB_ERRORS, type JobService, type PreparedJob } from './service.ts';
import { isFinal } from './store.ts';

const FINISHED =
  'The job has ended: while the client waited, or immediately because its work was already done ' +
  '(`reused`)';
const ACCEPTED = 'The job is stored durably';

const GetHeaders = Type.Object({
  ...PreferHeader.properties,
  'if-none-match': Type.Optional(Type.String({ description: "ETag of the client's copy" })),
});

/** One shared object, because its compiled form is cached by identity and never evicted. */
const BODY = reference(SqueezeRequest);

export interface JobRoutesOptions {
  readonly finals: FinalJobCache;
  readonly deps: UploadDependencies;
}

/** Routes to submit jobs, also together with the adapter to squeeze, and to list and read them. */
export const jobRoutes: FastifyPluginAsyncTypebox<JobRoutesOptions> = async (app, { finals, deps }) => {
  app.addSchema({ ...asComponent(JobListPage), examples: [JOB_PAGE_EXAMPLE] });

  app.post(
    '/v1/jobs',
    {
      bodyLimit: MAX_JOB_BYTES,
      config: { accepts: 'application/json', answerAgain: answerJobAgain },
      schema: {
        operationId: 'createJob',
        tags: ['jobs'],
        summary: 'Squeeze, analyze or merge adapters',
        description:
          '`kind` selects the work. `squeeze` squeezes one adapter to each target. `analyze` writes no ' +
          'adapter: its report contains the loss at every rank and recommendations. `merge` adds up to 32 ' +
          'adapters of one base model, of any ranks, with weights, and squeezes the sum to each target. ' +
          'Work for equal requests, compared by the content of their adapters, is done once: a later ' +
          'request has a job and results of its own, with `reused: true`, and ends immediately if the ' +
          'work was done before. `reuse: false` repeats the work. `dry_run: true` executes nothing and ' +
          'returns a forecast: ranks, sizes and seconds, or the refusal.',
        headers: PreferHeader,
        body: reference(JobRequest),
        response: {
          200: response(
            `${FINISHED}. Or the forecast of a dry run, without a location`,
            reference(JobRecord),
            { headers: LOCATION },
          ),
          202: response(ACCEPTED, reference(JobRecord), { headers: LOCATION }),
          ...problems(...codesOfGroups('json', 'json-body'), ...JOB_ERRORS.submit, ...QUEUED_JOBS_ERRORS),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const { jobs } = workspace;
      const ceiling = await priorityCeiling(request, workspace);
      if (request.body.dry_run) {
        await checkQueuedJobs(workspace, 1);
        const job = await workspace.forecasts.dryRun(request.body, ceiling);
        return reply.header('cache-control', 'no-store').send(job);
      }
      const accepted = await submitWithinQueueLimit(workspace, 1, () =>
        jobs.submit(request.body, request.idempotent?.idOf('job'), ceiling),
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
        summary: 'Get a job: state, progress, results',
        params: JobPath,
        headers: GetHeaders,
        response: {
          200: response('The job; if it has ended, with an ETag', reference(JobRecord), {
            headers: { etag: { type: 'string', description: 'ETag of a job that has ended' } },
          }),
          304: { description: "The job has ended, and the client's copy is current", type: 'null' },
          ...problems(...JOB_ERRORS.get),
        },
      },
    },
    (request, reply) => sendCurrentJob(finals, request, reply),
  );

  app.get(
    '/v1/jobs',
    listOptions(JobListQuery, JobListPage, {
      operationId: 'listJobs',
      tags: ['jobs'],
      summary: 'List jobs, the newest first',
      description:
        'A job is listed if it meets all conditions. Read the list page by page: pass `next_cursor` of ' +
        'each page as `cursor` to get the next one, until it is null. Jobs that are created or deleted in ' +
        'between do not shift others.',
    }),
    async (request, reply) => {
      const {
        state: states,
        kind,
        adapter_id: adapterId,
        batch_id: batchId,
        name,
        label,
        ...paging
      } = request.query;
      const filter = { states, kind, adapterId, batchId, name, labels: label?.map(parseLabelFilter) };
      const page = await workspaceOf(request).jobs.page(filter, pageRequestOf(paging, 'job'));
      return sendPage(request, reply, page);
    },
  );

  app.post(
    '/v1/squeeze',
    {
      config: { accepts: 'multipart/form-data', answerAgain: answerJobAgain },
      schema: {
        operationId: 'squeezeAdapter',
        tags: ['jobs'],
        summary: 'Upload an adapter and squeeze it in one call',
        description:
          'Takes the files of an upload, and a part `request` with the job, in any order. The adapter is kept ' +
          'unless the job is refused.',
        headers: Type.Object({ ...PreferHeader.properties, ...UploadHeaders.properties }),
        multipart: squeezeParts,
        response: {
          200: response(FINISHED, reference(JobRecord), { headers: LOCATION }),
          202: response(ACCEPTED, reference(JobRecord), { headers: LOCATION }),
          ...problems(
            ...codesOfGroups('upload', 'json'),
            // An error of the part `request`.
            'UNKNOWN_OPTION',
            ...JOB_ERRORS.submitHere,
            ...QUEUED_JOBS_ERRORS,
          ),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      // Checked before the upload is read.
      await checkQueuedJobs(workspace, 1);
      const ceiling = await priorityCeiling(request, workspace);
      const { jobs, adapters } = workspace;
      let prepared: PreparedJob | undefined;
      const adapter = await storeUpload(request, deps, {
        onRequest: async (value) => {
          const wanted = squeezeRequest(request, value);
          // The adapter gets its id when it is stored.
          prepared = await jobs.prepare({ kind: 'squeeze', adapter_id: '', ...wanted }, ceiling);
          await checkQueuedJobs(workspace, 1);
        },
      });
      const { work, ...rest } = prepared!;
      const ready = { ...rest, work: { ...work, adapter_id: adapter.id } as typeof work };
      const job = await submitWithinQueueLimit(workspace, 1, () =>
        jobs.submitPrepared(ready, request.idempotent?.idOf('job')),
      ).catch(async (refusal) => {
        // Nobody would know its id. The adapter of an earlier attempt with the same Idempotency-Key stays.
        if (adapter.content_known !== undefined) await adapters.remove(adapter.id).catch(() => undefined);
        throw refusal;
      });
      return answerJob(request, reply, jobs, job);
    },
  );
};

/**
 * Parses and validates the part `request` like the body of POST /v1/jobs.
 * @throws AppError FILE_MISSING, REQUEST_*, VALIDATION_FAILED, UNKNOWN_OPTION
 */
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

/**
 * Answers with a requested job: 202 at once, or 200 if it has ended, because the client prefers to wait and it ends
 * in time, or because its work was already done.
 */
async function answerJob(
  request: FastifyRequest,
  reply: FastifyReply,
  jobs: JobService,
  accepted: JobRecord,
): Promise<FastifyReply> {
  // A request is completed even if its client has disconnected, so that a repetition finds its response.
  const wait = preferredWait(request, reply);
  const job = wait ? await jobs.wait(accepted.id, wait.timeoutMs) : accepted;
  return reply
    .code(isFinal(job) ? 200 : 202)
    .headers({ location: `/v1/jobs/${job.id}`, 'cache-control': 'no-store', vary: 'prefer' })
    .send(job);
}

/** The current state of the job that the first of several equal requests created. */
async function answerJobAgain(
  request: FastifyRequest,
  reply: FastifyReply,
  { body }: StoredResponse,
): Promise<FastifyReply | undefined> {
  const { id } = JSON.parse(body) as JobRecord;
  const { jobs } = workspaceOf(request);
  const job = await jobs.get(id).catch(ignoring('JOB_NOT_FOUND'));
  return job && answerJob(request, reply, jobs, job);
}
