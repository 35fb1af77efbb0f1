import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { type BatchRecord, BatchSettings, MAX_BATCH_ITEMS } from '../../contract/batch.ts';
import { JobRequest } from '../../contract/job-request.ts';
import { AppError } from '../../errors/app-error.ts';
import { announcedLength, IncomingBody } from '../../http/multipart/incoming-body.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { PreferHeader } from '../../http/prefer.ts';
import { acceptRawBodies } from '../../http/raw-bodies.ts';
import { asComponent, problems, reference } from '../../http/schemas.ts';
import { AlreadyAnswered } from '../../http/stored-response.ts';
import { explain, type Fault, type SchemaError } from '../../http/validation-message.ts';
import { digestTexts } from '../idempotency/fingerprint.ts';
import { checkQueuedJobs, QUEUED_JOBS_ERRORS } from '../jobs/queued-jobs.ts';
import { workspaceOf } from '../own-workspace.ts';
import { batchLines, MAX_LINE_BYTES } from './batch-lines.ts';
import { acceptConditionsOf, CREATE_BATCH_RESPONSES, sendBatch, sendBatchAgain } from './batch-responses.ts';
import { bodyLines } from './body-lines.ts';
import { BATCH_ERRORS } from './service.ts';

const NDJSON = 'application/x-ndjson';
/** Limit of the body: ten thousand jobs of some kilobytes each. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** One schema object for all requests, because validators are cached by it. */
const JOB = reference(JobRequest);
const SETTINGS = asComponent(BatchSettings);

export interface LineRoutesOptions {
  /** A body of which (almost) no bytes arrive for this long is refused. */
  readonly idleTimeoutMs: number;
}

/** Routes for batches with one job in each line. */
export const batchLineRoutes: FastifyPluginAsyncTypebox<LineRoutesOptions> = async (
  app,
  { idleTimeoutMs },
) => {
  acceptRawBodies(app);

  app.post(
    '/v1/batches/ndjson',
    {
      config: { accepts: NDJSON, answerAgain: sendBatchAgain },
      schema: {
        operationId: 'createBatchFromLines',
        tags: ['batches'],
        summary: `Create a batch of up to ${MAX_BATCH_ITEMS} jobs, one per line`,
        description:
          'Each line is a job as for `POST /v1/jobs`. The first line may be `{"settings": {…}}` with settings for ' +
          'all: kind, targets, options, results, deliver, labels, priority, ttl_seconds, reuse, webhook. Lines are ' +
          `processed as they arrive and have at most ${MAX_LINE_BYTES} bytes each. A line that is not JSON, or ` +
          'violates its schema, the whole batch is refused; a job that cannot be tried is an item that has failed.',
        headers: { ...PreferHeader, properties: { ...PreferHeader.properties, ...UploadHeaders.properties } },
        bytes: NDJSON,
        response: {
          ...CREATE_BATCH_RESPONSES,
          ...problems(
            ...BODY_ERRORS,
            'VALIDATION_FAILED',
            'UNKNOWN_OPTION',
            ...BATCH_ERRORS.submitLines,
            ...QUEUED_JOBS_ERRORS,
          ),
        },
      },
    },
    async (request, reply) => sendBatch(request, reply, await receiveBatch(request, idleTimeoutMs)),
  );
};

const BODY_ERRORS = [
  'UNSUPPORTED_MEDIA_TYPE',
  'UNSUPPORTED_CONTENT_ENCODING',
  'UPLOAD_TOO_LARGE',
  'UPLOAD_ABORTED',
  'UPLOAD_TOO_SLOW',
  'DIGEST_INVALID',
  'DIGEST_MISMATCH',
] as const;

async function receiveBatch(request: FastifyRequest, idleTimeoutMs: number): Promise<BatchRecord> {
  const { idempotent } = request;
  const { batches } = workspaceOf(request);
  const length = announcedLength(request.raw);
  if (length !== null && length > MAX_BODY_BYTES) throw tooLarge(length);
  const body = new IncomingBody(request.raw, idleTimeoutMs);
  const hash = createHash('sha256');
  async function* checked(): AsyncGenerator<Buffer> {
    for await (const chunk of body.stream as AsyncIterable<Buffer>) {
      if (body.bytes > MAX_BODY_BYTES) throw tooLarge(undefined);
      hash.update(chunk);
      yield chunk;
    }
    // Verified before the last line is parsed, because that line may be incomplete.
    body.verify();
  }
  const known = async (): Promise<void> => {
    if (!idempotent) return;
    await idempotent.bodyKnown(digestTexts([hash.digest('hex')]));
    if (idempotent.replay) throw new AlreadyAnswered(idempotent.replay);
  };
  try {
    const lines = bodyLines(checked(), { maxBytes: MAX_LINE_BYTES });
    const id = idempotent?.idOf('batch');
    const accepted = id === undefined ? undefined : await batches.find(id);
    if (accepted || (idempotent && !idempotent.isHeld)) {
      // The request was answered before, or accepted without a response. If its body is the same, the response is
      // sent again.
      for await (const _line of lines);
      await known();
      if (accepted) return accepted;
    }
    // Checked before the body is read.
    await checkQueuedJobs(workspaceOf(request), 1);
    const batch = await batchLines(lines, {
      job: (value) => faultsOf(request, JOB, value),
      settings: (value) => faultsOf(request, SETTINGS, value),
      onEnd: known,
    });
    return await batches.submitLines(batch, await acceptConditionsOf(request));
  } finally {
    body.close();
  }
}

function faultsOf(request: FastifyRequest, schema: TSchema, value: unknown): Fault[] {
  const validate = request.compileValidationSchema(schema, 'body');
  return validate(value) ? [] : explain((validate.errors ?? []) as readonly SchemaError[]);
}

const tooLarge = (bytes: number | undefined): AppError =>
  new AppError(
    'UPLOAD_TOO_LARGE',
    `The body of this request ${bytes === undefined ? 'is too large' : `has ${bytes} bytes`}; the limit is ${MAX_BODY_BYTES} bytes.`,
    { ...(bytes !== undefined && { bytes }), limit_bytes: MAX_BODY_BYTES },
  );
