import type { Report, SucceededTargetReport } from '../../src/contract/report.ts';
import { fromPlainError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import type { JobOutcome, WrittenTarget } from '../../src/squeeze/job-context.ts';
import { squeeze as squeezeTargets } from '../../src/squeeze/squeeze.ts';

/** The outcome of a job whose targets all succeed. */
export interface SuccessfulOutcome extends JobOutcome {
  readonly targets: readonly WrittenTarget[];
  readonly report: Omit<Report, 'targets'> & { readonly targets: SucceededTargetReport[] };
}

/** @throws AppError of the first target that failed */
export function requireSuccess(outcome: JobOutcome): SuccessfulOutcome {
  for (const target of outcome.targets) {
    if (target.state === 'succeeded') continue;
    const { code, detail, context } = target.error;
    throw fromPlainError({ code: code as ErrorCode, message: detail, context: (context ?? {}) as never });
  }
  return outcome as SuccessfulOutcome;
}

/** A squeeze in which a target that fails is thrown as an error. */
export const squeeze = async (...args: Parameters<typeof squeezeTargets>): Promise<SuccessfulOutcome> =>
  requireSuccess(await squeezeTargets(...args));
