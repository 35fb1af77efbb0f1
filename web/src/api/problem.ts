/** The service's problem document (RFC 9457), or an equivalent one where the service could not be reached. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** The faulty fields of the request, each with a JSON pointer (RFC 6901). */
  readonly errors?: readonly Fault[];
}

export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** A request that was refused. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { title: 'The page failed', detail, code: 'PAGE', status: 0, retryable: false };
}

export const unreachable = (): ProblemError =>
  new ProblemError({
    title: 'The service cannot be reached',
    detail: 'Nothing answered. Check that the service is running and that you are connected, then try again.',
    code: 'UNREACHABLE',
    status: 0,
    retryable: true,
  });

/** Reads the problem document in a response body, or makes one where a proxy answered instead. */
export function problemIn(text: string, status: number): Problem {
  try {
    const { title, detail, code, retryable = false, errors = [] } = JSON.parse(text) as Partial<Problem>;
    if (code !== undefined && detail !== undefined)
      return { title: title ?? code, detail, code, status, retryable, errors };
  } catch {
    // Not a problem document.
  }
  return {
    title: `The service answered ${status}`,
    detail: text.slice(0, 300) || 'The response had no content.',
    code: `HTTP_${status}`,
    status,
    retryable: status === 429 || status >= 500,
  };
}
