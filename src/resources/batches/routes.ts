import { setImmediate } from 'node:timers/promises';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import {
  BatchEnvelope,
  BatchList,
  BatchRecord,
  BatchRequest,
  MAX_BATCH_ITEMS,
} from '../../contract/batch.ts';
import { JobRequest } from '../../contract/job-request.ts';
import { BatchListQuery } from '../../contract/list.ts';
import { parseLabelFilter } from '../../database/lists/label-filter.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { invalidFaults } from '../../http/convert-error.ts';
import { withErrorCodes } from '../../http/document.ts';
import { listOptions, pageRequestOf, sendPage } from '../../http/paging.ts';
import { PreferHeader, preferredWait } from '../../http/prefer.ts';
import { asComponent, problems, REMOVED, reference, response } from '../../http/schemas.ts';
import { explain, type Fault, type SchemaError } from '../../http/validation-message.ts';
import { checkQueuedJobs, QUEUED_JOBS_ERRORS } from '../jobs/queued-jobs.ts';
import { workspaceOf } from '../own-workspace.ts';
import {
  acceptConditionsOf,
  BatchPath,
  CREATE_BATCH_RESPONSES,
  sendBatch,
  sendBatchAgain,
} from './batch-responses.ts';
import { forecastBatch } from './dry-run.ts';
import { BATCH_EXAMPLE, BATCH_PAGE_EXAMPLE, BATCH_REQUEST_EXAMPLES } from './examples.ts';
import { withBatchSettings } from './item-request.ts';
import { BATCH_ERRORS } from './service.ts';

/** The most faults that are reported: a batch may be wrong in thousands of places. */
const MAX_REPORTED = 100;
/** One schema object for all requests, because validators are cached by it. */
const JOB = reference(JobRequest);

/** Room for ten thousand sources or ids. A batch with more JSON than that is sent as lines. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Routes to submit, list, read, cancel, retry and delete batches of jobs. */
export const batchRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(BatchRequest), examples: BATCH_REQUEST_EXAMPLES });
  app.addSchema({ ...asComponent(BatchRecord), examples: [BATCH_EXAMPLE] });
  app.addSchema({ ...asComponent(BatchList), examples: [BATCH_PAGE_EXAMPLE] });

  app.post(
    '/v1/batches',
    {
      bodyLimit: MAX_BODY_BYTES,
      config: {
        accepts: 'application/json',
        answerAgain: sendBatchAgain,
        // The schema of this route only checks what surrounds the jobs; see checkedBatch.
        swaggerTransform: ({ schema, url }: { schema: object; url: string }) => ({
          schema: withErrorCodes({ ...schema, body: reference(BatchRequest) }),
          url,
        }),
      },
      schema: {
        operationId: 'createBatch',
        tags: ['batches'],
        summary: `Create a batch of up to ${MAX_BATCH_ITEMS} jobs`,
        description:
          'The same work for adapters in the service (`adapter_ids`), for sources that are fetched ' +
          '(`sources`), or for all adapters below a prefix (`source_prefix`, listed during the request); ' +
          'or a list of jobs of any kind. If the request violates its schema, the whole batch is refused; an item that ' +
          'cannot be tried, for example because its adapter does not exist, has failed. An adapter with ' +
          'all its targets is one job, because targets share the reading and the decomposition. `dry_run: ' +
          'true` executes nothing, and reports what would be refused and what is known about the rest.',
        headers: PreferHeader,
        body: asComponent(BatchEnvelope),
        response: {
          ...CREATE_BATCH_RESPONSES,
          ...problems(...codesOfGroups('json', 'json-body'), ...BATCH_ERRORS.submit, ...QUEUED_JOBS_ERRORS),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const wanted = await checkedBatch(request);
      const conditions = await acceptConditionsOf(request);
      if (wanted.dry_run) {
        const { batchIntake: intake, forecasts } = workspace;
        const batch = await forecastBatch(wanted, { intake, forecasts, ceiling: conditions.ceiling });
        if (batch.counts.queued > 0) await checkQueuedJobs(workspace, batch.counts.queued);
        return reply.header('cache-control', 'no-store').send(batch);
      }
      const batch = await workspace.batches.submit(wanted, conditions);
      return sendBatch(request, reply, batch);
    },
  );

  app.get(
    '/v1/batches/:id',
    {
      schema: {
        operationId: 'getBatch',
        tags: ['batches'],
        summary: 'Get a batch and its progress',
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
        summary: 'Cancel every unfinished job of a batch',
        description:
          'No job of the batch starts from then on. The response does not wait until all jobs are cancelled: ' +
          '`finished_at` is set when the last one is. Repeating the call returns the same response.',
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
        summary: 'Retry the failed, partial and cancelled items of a batch',
        description:
          'Creates a new batch, whose `retry_of` names the old one; the old one stays unchanged. Items that never ' +
          'had a job are included.',
        params: BatchPath,
        response: {
          ...CREATE_BATCH_RESPONSES,
          ...problems(...BATCH_ERRORS.retry, ...QUEUED_JOBS_ERRORS),
        },
      },
    },
    async (request, reply) => {
      const { batches } = workspaceOf(request);
      const batch = await batches.retry(request.params.id, await acceptConditionsOf(request));
      return sendBatch(request, reply, batch);
    },
  );

  app.delete(
    '/v1/batches/:id',
    {
      schema: {
        operationId: 'deleteBatch',
        tags: ['batches'],
        summary: 'Delete a batch that has ended, with its jobs',
        description: 'Its jobs are deleted as well. Results stay, because they are adapters like any other.',
        params: BatchPath,
        response: {
          204: REMOVED,
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
      summary: 'List batches, the newest first',
      description:
        'The list does not contain the items of the batches. A batch is listed if it meets all conditions. Pages work as in the ' +
        'list of jobs.',
    }),
    async (request, reply) => {
      const { state: states, name, label, ...paging } = request.query;
      const filter = { states, name, labels: label?.map(parseLabelFilter) };
      const page = await workspaceOf(request).batches.page(filter, pageRequestOf(paging, 'batch'));
      return sendPage(request, reply, page);
    },
  );
};

/** Jobs that are checked in one turn of the event loop. */
const CHECKED_AT_ONCE = 250;

/**
 * The body of a batch. Each job is completed by the settings of the batch and checked, and a fault names the index of
 * its job.
 * @throws AppError VALIDATION_FAILED, UNKNOWN_OPTION with the faults of all jobs
 */
async function checkedBatch(request: FastifyRequest): Promise<BatchRequest> {
  const body = request.body as BatchEnvelope;
  if (!('jobs' in body)) return body;
  const validate = request.compileValidationSchema(JOB, 'body');
  const allFaults: Fault[] = [];
  let count = 0;
  for (const [index, job] of body.jobs.entries()) {
    if (index % CHECKED_AT_ONCE === CHECKED_AT_ONCE - 1) await setImmediate();
    if (validate(withBatchSettings(body, job))) continue;
    const errors = (validate.errors ?? []) as readonly SchemaError[];
    const faults = explain(
      errors.map((error) => ({ ...error, instancePath: `/jobs/${index}${error.instancePath}` })),
    );
    count += faults.length;
    allFaults.push(...faults.slice(0, MAX_REPORTED - allFaults.length));
  }
  if (count > 0) throw invalidFaults(allFaults, MAX_REPORTED, count);
  return body as BatchRequest;
}
