import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { BatchEnvelope, BatchRequest } from '../../contract/batch.ts';
import { JobRequest } from '../../contract/job-request.ts';
import { invalid } from '../../http/app-error-of.ts';
import { reference } from '../../http/schemas.ts';
import { explain, type SchemaError } from '../../http/validation-message.ts';

/** A batch may be wrong in a thousand places. */
const MAX_TOLD = 100;

/** One schema for all requests: validators are kept by it. */
const JOB = reference(JobRequest);

/**
 * The body of a batch, its jobs checked one by one: a fault is told with the index of its job, and a thousand wrong jobs
 * take a thousand times as long as one.
 * @throws AppError VALIDATION_FAILED, UNKNOWN_OPTION with the faults of all jobs
 */
export function checkedBatch(request: FastifyRequest): BatchRequest {
  const body = request.body as Static<typeof BatchEnvelope>;
  if (!('jobs' in body)) return body;
  const validate = request.compileValidationSchema(JOB, 'body');
  const faults = body.jobs.flatMap((job, index) => {
    if (validate(job)) return [];
    const errors = (validate.errors ?? []) as readonly SchemaError[];
    return explain(
      errors.map((error) => ({ ...error, instancePath: `/jobs/${index}${error.instancePath}` })),
    );
  });
  if (faults.length > 0) throw invalid(faults, MAX_TOLD);
  return body as BatchRequest;
}
