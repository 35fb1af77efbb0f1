import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';

/** What the tus library throws besides our own errors: `ERRORS` of @tus/utils. */
interface TusFailure {
  readonly status_code?: number;
  readonly body?: string;
  readonly message?: string;
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'UPLOAD_HEADER',
  403: 'UPLOAD_HEADER',
  404: 'UPLOAD_NOT_FOUND',
  409: 'UPLOAD_OFFSET',
  410: 'UPLOAD_EXPIRED',
  412: 'UPLOAD_VERSION',
  413: 'UPLOAD_TOO_LARGE',
  // Extensions that are not spoken here.
  501: 'UPLOAD_HEADER',
};

const TAKEN_OVER = 'Request aborted due to lock acquired';

export const takenOver = (): AppError =>
  new AppError('UPLOAD_LOCKED', 'A later request of the same upload took over from this one.');

/** A failure of the tus library as an AppError, in its own words. What it did not foresee passes through. */
export function tusError(error: unknown, maxUploadBytes: number): unknown {
  if (error instanceof AppError || typeof error !== 'object' || error === null) return error;
  const { status_code: status, body } = error as TusFailure;
  const code = status === undefined ? undefined : CODES[status];
  if (!code || body === undefined) return error;
  if (body === TAKEN_OVER) return takenOver();
  const context = code === 'UPLOAD_TOO_LARGE' ? { limit_bytes: maxUploadBytes } : {};
  return new AppError(code, sentence(body), context, { cause: error });
}

function sentence(body: string): string {
  const text = body.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
