import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  BatchEnvelope,
  BatchList,
  BatchRecord,
  BatchRequest,
  BatchSummary,
  MAX_BATCH_JOBS,
} from '../../contract/batch.ts';
import { JobRequest } from '../../contract/job-request.ts';
import { BatchListQuery } from '../../contract/list.ts';
import { wantedLabel } from '../../database/lists/label-filter.ts';
import { ignoring } from '../../errors/app-error.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { invalidFaults } from '../../http/app-error-of.ts';
import { withErrorCodes } from '../../http/document.ts';
import { listOptions, pageRequestOf, sendPage } from '../../http/paging.ts';
import { PreferHeader, preferredWait } from '../../http/prefer.ts';
import {
  asComponent,
  BatchPath,
  LOCATION,
  NOTHING,
  problems,
  reference,
  response,
} from '../../http/schemas.ts';
import type { StoredAnswer } from '../../http/stored-answer.ts';
import { explain, type SchemaError } from '../../http/validation-message.ts';
import { CONCURRENT_JOBS_ERRORS, withinConcurrentJobs } from '../jobs/concurrent-jobs.ts';
import { workspaceOf } from '../own-workspace.ts';
import {
  BATCH_EXAMPLE,
  BATCH_PAGE_EXAMPLE,
  BATCH_REQUEST_EXAMPLES,
  BATCH_SUMMARY_EXAMPLE,
} from './examples.ts';
import { BATCH_ERRORS } from './service.ts';

/** A batch may be wrong in a thousand places. */
const MAX_TOLD = 100;
/** One schema for all requests: validators are kept by it. */
const JOB = reference(JobRequest);

/** A thousand jobs with all their options; a batch with large rank patterns is sent in parts. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Batches of jobs: submitted, listed, read, cancelled, retried and removed. */
export const batchRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(BatchRequest), examples: BATCH_REQUEST_EXAMPLES });
  app.addSchema({ ...asComponent(BatchSummary), examples: [BATCH_SUMMARY_EXAMPLE] });
  app.addSchema({ ...asComponent(BatchRecord), examples: [BATCH_EXAMPLE] });
  app.addSchema({ ...asComponent(BatchList), examples: [BATCH_PAGE_EXAMPLE] });

  app.post(
    '/v1/batches',
    {
      bodyLimit: MAX_BODY_BYTES,
      config: {
        accepts: 'application/json',
        answerAgain: answerBatchAgain,
        // What is checked here is the batch around its jobs; see checkedBatch.
        swaggerTransform: ({ schema, url }: { schema: object; url: string }) => ({
          schema: withErrorCodes({ ...schema, body: reference(BatchRequest) }),
          url,
        }),
      },
      schema: {
        operationId: 'createBatch',
        tags: ['batches'],
        summary: `Up to ${MAX_BATCH_JOBS} jobs in one call`,
        description:
          'Either the same for many adapters, or a list of jobs of any kinds. All of it is accepted or nothing; every ' +
          'fault is told with the index of its job. An adapter with all its targets is one job, since they share the ' +
          'reading and the decomposition. Jobs of equal requests have their work done once, unless `reuse` is false.',
        headers: PreferHeader,
        body: asComponent(BatchEnvelope),
        response: {
          200: response(
            'Ended: while the client waited, or at once, as all was done before',
            reference(BatchRecord),
            {
              headers: LOCATION,
            },
          ),
          202: response('Accepted, durably', reference(BatchRecord), { headers: LOCATION }),
          ...problems(...errorsOf('json', 'json-body'), ...BATCH_ERRORS.submit, ...CONCURRENT_JOBS_ERRORS),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const wanted = checkedBatch(request);
      const count = 'jobs' in wanted ? wanted.jobs.length : wanted.adapter_ids.length;
      const batch = await withinConcurrentJobs(workspace, count, () =>
        workspace.batches.submit(wanted, request.idempotent?.idOf('batch')),
      );
      return answerBatch(request, reply, batch);
    },
  );

  app.get(
    '/v1/batches/:id',
    {
      schema: {
        operationId: 'getBatch',
        tags: ['batches'],
        summary: 'A batch: how far it is, and every job of it',
        params: BatchPath,
        headers: PreferHeader,
        response: {
          200: response('The batch', reference(BatchRecord)),
          ...problems(...BATCH_ERRORS.get),
        },
      },
    },
    async (request, reply) => {
      const { batches } = workspaceOf(request);
      const { id } = request.params;
      const wait = preferredWait(request, reply);
      const batch = await (wait ? batches.wait(id, wait.timeoutMs, wait.signal) : batches.get(id));
      return reply.headers({ 'cache-control': 'no-store', vary: 'prefer' }).send(batch);
    },
  );

  app.post(
    '/v1/batches/:id/cancel',
    {
      schema: {
        operationId: 'cancelBatch',
        tags: ['batches'],
        summary: 'Cancel every job of a batch that has not ended',
        description:
          'From then on no job of it begins. The answer does not wait until each is cancelled: `finished_at` is there ' +
          'when the last one is. Again, it answers the same.',
        params: BatchPath,
        response: {
          200: response('The cancelled batch', reference(BatchRecord)),
          ...problems(...BATCH_ERRORS.cancel),
        },
      },
    },
    async (request, reply) => reply.send(await workspaceOf(request).batches.cancel(request.params.id)),
  );

  app.post(
    '/v1/batches/:id/retry',
    {
      schema: {
        operationId: 'retryBatch',
        tags: ['batches'],
        summary: 'Do the failed, partial and cancelled jobs of a batch once more',
        description: 'As a new batch; its `retry_of` names the old one, which stays as it is.',
        params: BatchPath,
        response: {
          202: response('The new batch, accepted durably', reference(BatchRecord), { headers: LOCATION }),
          ...problems(...BATCH_ERRORS.retry, ...CONCURRENT_JOBS_ERRORS),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const { batches } = workspace;
      const { id } = request.params;
      const { counts } = await batches.get(id);
      const wanted = counts.partial + counts.failed + counts.cancelled;
      const batch = await withinConcurrentJobs(workspace, wanted, () =>
        batches.retry(id, request.idempotent?.idOf('batch')),
      );
      return answerBatch(request, reply, batch);
    },
  );

  app.delete(
    '/v1/batches/:id',
    {
      schema: {
        operationId: 'deleteBatch',
        tags: ['batches'],
        summary: 'Delete a batch that has ended, with the jobs it made',
        description: 'With its jobs. Results stay: they are adapters like any other.',
        params: BatchPath,
        response: {
          204: NOTHING,
          ...problems(...BATCH_ERRORS.remove),
        },
      },
    },
    async (request, reply) => {
      await workspaceOf(request).batches.remove(request.params.id);
      return reply.code(204).send(null);
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
      const { state: states, name, label, ...asked } = request.query;
      const filter = { states, name, labels: label?.map(wantedLabel) };
      const page = await workspaceOf(request).batches.page(filter, pageRequestOf(asked, 'batch'));
      return sendPage(request, reply, page);
    },
  );
};

/**
 * The body of a batch, its jobs checked one by one: a fault is told with the index of its job, and a thousand wrong jobs
 * take a thousand times as long as one.
 * @throws AppError VALIDATION_FAILED, UNKNOWN_OPTION with the faults of all jobs
 */
function checkedBatch(request: FastifyRequest): BatchRequest {
  const body = request.body as BatchEnvelope;
  if (!('jobs' in body)) return body;
  const validate = request.compileValidationSchema(JOB, 'body');
  const faults = body.jobs.flatMap((job, index) => {
    if (validate(job)) return [];
    const errors = (validate.errors ?? []) as readonly SchemaError[];
    return explain(
      errors.map((error) => ({ ...error, instancePath: `/jobs/${index}${error.instancePath}` })),
    );
  });
  if (faults.length > 0) throw invalidFaults(faults, MAX_TOLD);
  return body as BatchRequest;
}

/** Answers with a batch that was asked for: 202, or 200 when it has ended, which the client may prefer to wait for. */
async function answerBatch(
  request: FastifyRequest,
  reply: FastifyReply,
  accepted: BatchRecord,
): Promise<FastifyReply> {
  const wait = preferredWait(request, reply);
  const batch = wait ? await workspaceOf(request).batches.wait(accepted.id, wait.timeoutMs) : accepted;
  return reply
    .code(batch.finished_at === null ? 202 : 200)
    .headers({ location: `/v1/batches/${batch.id}`, 'cache-control': 'no-store', vary: 'prefer' })
    .send(batch);
}

/** The batch that the first of equal requests made, as it is now. */
async function answerBatchAgain(
  request: FastifyRequest,
  reply: FastifyReply,
  { body }: StoredAnswer,
): Promise<FastifyReply | undefined> {
  const { id } = JSON.parse(body) as BatchRecord;
  const batch = await workspaceOf(request).batches.get(id).catch(ignoring('BATCH_NOT_FOUND'));
  return batch && answerBatch(request, reply, batch);
}
