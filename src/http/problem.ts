import { type Static, Type } from 'typebox';
import type { AppError } from '../errors/app-error.ts';
import { ERROR_KINDS } from '../errors/error-kinds.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** A problem document (RFC 9457). `code` is stable; `detail` is for people. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '`urn:lora-squeeze:problem:` and the code' }),
    title: Type.String({ description: 'The kind of problem, the same for every occurrence' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What happened in this case, with file, tensor, value and limit' }),
    code: Type.String({
      description: 'Stable and machine-readable',
      examples: Object.keys(ERROR_KINDS).slice(0, 3),
    }),
    retryable: Type.Boolean({
      description: 'Whether the same request, unchanged, may succeed later',
    }),
    instance: Type.String({ description: '`urn:lora-squeeze:request:` and the request id, as in the log' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            line: Type.Optional(
              Type.Integer({
                minimum: 1,
                description: 'If the body consists of lines: the number of the line',
              }),
            ),
            pointer: Type.String({ description: 'JSON pointer into the request, or into the line' }),
            detail: Type.String(),
          },
          { additionalProperties: false },
        ),
        { description: 'Every violation of the schema, with its place in the request' },
      ),
    ),
    context: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'The values that `detail` mentions, for programs',
      }),
    ),
  },
  { $id: 'Problem', additionalProperties: false },
);
export type Problem = Static<typeof Problem>;

/** What a client can do about an INTERNAL failure. The message of the error may contain paths, so it is only logged. */
const INTERNAL_DETAIL =
  'An error occurred inside the service. Its log has the details under the request id of this response.';

export function problemOf(error: AppError, requestId: string): Problem {
  const { title, status, retryable } = ERROR_KINDS[error.code];
  const { errors, ...context } = error.code === 'INTERNAL' ? {} : (error.context as Record<string, unknown>);
  return {
    type: `urn:lora-squeeze:problem:${error.code}`,
    title,
    status,
    detail: error.code === 'INTERNAL' ? INTERNAL_DETAIL : error.message,
    code: error.code,
    retryable,
    instance: `urn:lora-squeeze:request:${requestId}`,
    ...(errors ? { errors: errors as NonNullable<Problem['errors']> } : {}),
    ...(Object.keys(context).length > 0 ? { context } : {}),
  };
}
