import type { JobFailure } from '../../contract/job-failure.ts';
import type { AppError } from '../../errors.ts';

/** An error as records show it. */
export const jobFailure = (error: AppError): JobFailure => ({
  code: error.code,
  title: error.kind.title,
  detail: error.message,
  retryable: error.retryable,
  ...(Object.keys(error.context).length > 0 && { context: error.context }),
});
