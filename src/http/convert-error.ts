import { AppError, toAppError } from '../errors/app-error.ts';
import { errorOfFramework } from '../errors/error-kinds.ts';
import { explain, type Fault, type SchemaError } from './validation-message.ts';

/** The most faults that a response lists: it must stay readable even if a thousand places are wrong. */
const MAX_FAULTS = 20;

interface FrameworkError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message: string;
  readonly validation?: readonly SchemaError[];
}

/** What is known about the failed request besides its error. */
interface Failed {
  readonly headers: { readonly 'content-length'?: string | undefined };
  readonly routeOptions: { readonly bodyLimit?: number | undefined };
}

/** Converts anything that is thrown while a request is handled to an AppError. An unknown error becomes INTERNAL. */
export function convertError(error: unknown, request?: Failed): AppError {
  if (error instanceof AppError || !(error instanceof Error)) return toAppError(error);
  const { code, statusCode, message, validation } = error as FrameworkError;
  if (validation) return invalidRequest(validation);
  const known = typeof code === 'string' ? errorOfFramework(code) : undefined;
  const limitBytes = request?.routeOptions.bodyLimit;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE' && limitBytes !== undefined)
    return bodyTooLarge(request?.headers['content-length'], limitBytes, error);
  if (known) return new AppError(known, sentence(message), {}, { cause: error });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new AppError('BAD_REQUEST', sentence(message), {}, { cause: error });
  }
  return toAppError(error);
}

/** UNKNOWN_OPTION if the request names something that does not exist, otherwise VALIDATION_FAILED. */
export const invalidRequest = (validation: readonly SchemaError[]): AppError =>
  invalidFaults(explain(validation));

/** The same for faults that have already been described. @param count the number of faults, if not all of them were kept */
export function invalidFaults(
  faults: readonly Fault[],
  maxFaults = MAX_FAULTS,
  count = faults.length,
): AppError {
  const unknown = faults.filter((fault) => fault.unknownOption);
  const first = unknown[0] ?? faults[0] ?? { detail: 'the request does not fit its schema' };
  const more = count > 1 ? ` (and ${count - 1} more, see errors)` : '';
  return new AppError(
    unknown.length > 0 ? 'UNKNOWN_OPTION' : 'VALIDATION_FAILED',
    `${first.detail}${more}.`,
    {
      errors: faults.slice(0, maxFaults).map(({ unknownOption: _ours, ...fault }) => fault),
    },
  );
}

/** @param length the Content-Length; undefined for a chunked body, of which nothing beyond the limit is read */
function bodyTooLarge(length: string | undefined, limitBytes: number, cause: Error): AppError {
  const fault = length === undefined ? 'is too large' : `has ${length} bytes`;
  return new AppError(
    'UPLOAD_TOO_LARGE',
    `The body of this request ${fault}; the limit is ${limitBytes} bytes.`,
    { ...(length !== undefined && { bytes: Number(length) }), limit_bytes: limitBytes },
    { cause },
  );
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
