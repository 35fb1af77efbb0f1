import type { Job, Problem } from './types.ts';

/** The properties of an error. */
export interface Failure {
  readonly code: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly errors?: Problem['errors'] | undefined;
}

/**
 * An error of the service, or on the way to it. docs/errors.md lists the codes of the service. The codes of this
 * client are SERVICE_UNREACHABLE, DEADLINE_EXCEEDED, NOT_THE_SERVICE (something else answered), HTTP_… (the answer of
 * a gateway), DIGEST_MISMATCH (the received bytes differ from those that were sent), FILE_MISSING (in a folder to be
 * uploaded).
 */
export class LoraSqueezeError extends Error {
  override readonly name: string = 'LoraSqueezeError';
  /** Stable, for programs. */
  readonly code: string;
  /** A sentence for people; also the message. */
  readonly detail: string;
  /** HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** How long the service asks clients to wait; undefined if it does not say. */
  readonly retryAfterMs: number | undefined;
  /** The facts of `detail`, for programs. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Every fault by which the request violates its schema. */
  readonly errors: NonNullable<Problem['errors']>;

  constructor(failure: Failure, cause?: unknown) {
    super(failure.detail, cause === undefined ? undefined : { cause });
    this.code = failure.code;
    this.detail = failure.detail;
    this.status = failure.status;
    this.retryable = failure.retryable;
    this.retryAfterMs = failure.retryAfterMs;
    this.context = failure.context ?? {};
    this.errors = failure.errors ?? [];
  }
}

/** A job that failed or was cancelled, with its own code. */
export class JobFailedError extends LoraSqueezeError {
  override readonly name: string = 'JobFailedError';
  readonly job: Job;

  constructor(job: Job) {
    const { code, detail, retryable, context } = (job.error ?? {
      code: 'CANCELLED',
      detail: `Job ${job.id} was ${job.state}.`,
      retryable: false,
    }) as Failure;
    super({ code, detail, retryable, context });
    this.job = job;
  }
}

/** Statuses of temporary failures, of gateways or of the service. */
const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429, 502, 503, 504];

/** The error for an unsuccessful response. */
export async function errorOf(response: Response): Promise<LoraSqueezeError> {
  const { status, statusText } = response;
  const retryAfterMs = waitOf(response.headers.get('retry-after'));
  const passes = RETRYABLE_STATUSES.includes(status) && (status !== 429 || retryAfterMs !== undefined);
  const problem = (await response.json().catch(() => undefined)) as
    | (Partial<Problem> & { readonly retryable?: boolean })
    | undefined;
  if (typeof problem?.code !== 'string' || typeof problem.detail !== 'string') {
    const detail = `The answer is ${status} ${statusText}`.trimEnd();
    return new LoraSqueezeError({
      code: `HTTP_${status}`,
      detail: `${detail}.`,
      status,
      retryable: passes,
      retryAfterMs,
    });
  }
  const { code, detail, context, errors, retryable = passes } = problem;
  return new LoraSqueezeError({ code, detail, status, retryable, retryAfterMs, context, errors });
}

/** Milliseconds of a Retry-After header, which contains seconds or a date. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
