import type { JobRecord, SucceededResult } from '../contract/job.ts';
import type { Report, SucceededTargetReport } from '../contract/report.ts';

/** The results of the targets that succeeded, in their order. */
export const succeededResults = ({ results }: Pick<JobRecord, 'results'>): SucceededResult[] =>
  results.filter((result) => result.state === 'succeeded');

/** The same targets in the report of the job. */
export const succeededTargets = ({ targets }: Pick<Report, 'targets'>): SucceededTargetReport[] =>
  targets.filter((target) => target.state === 'succeeded');

/** The error by which a result is shown. Results of older versions have only that of the whole adapter. */
export const mainError = ({
  module_relative_error: mean,
  relative_error: whole,
}: Pick<SucceededResult, 'module_relative_error' | 'relative_error'>): number => mean ?? whole;
