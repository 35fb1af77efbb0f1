import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors/app-error.ts';

const MAX_SHOWN = 80;

export const duplicate = (name: string): AppError =>
  new AppError('DUPLICATE_PART', `The part ${name} was sent twice.`, { name });

/** @param first what the weights that came before were called @param second what these are called */
export function twoWeights(first: string, second: string): AppError {
  const [one, other] = [first, second].map((name) => name.slice(0, MAX_SHOWN));
  return new AppError(
    'DUPLICATE_PART',
    `Two files of weights were sent, ${JSON.stringify(one)} and ${JSON.stringify(other)}; an adapter has one.`,
    { name: other!, names: [one, other] },
  );
}

export const uploadAborted = (cause?: unknown): AppError =>
  new AppError('UPLOAD_ABORTED', 'The connection ended before the upload did.', {}, { cause });

/** What the multipart parser throws besides its FST_* errors: plain errors about the body, or about its early end. */
export function multipartError(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (request.raw.destroyed && !request.raw.complete) {
    return uploadAborted(error);
  }
  // A TypeError and its like are mistakes of ours, not of the client.
  if (code?.startsWith('FST_') || name !== 'Error') return error;
  return new AppError(
    'MULTIPART_MALFORMED',
    `The multipart body cannot be read: ${message}.`,
    {},
    { cause: error },
  );
}
