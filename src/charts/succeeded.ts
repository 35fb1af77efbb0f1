import type { JobRecord, SucceededResult } from '../contract/job.ts';
import type { Report, SucceededTargetReport } from '../contract/report.ts';

/** What the targets of a job came to that did not fail, in their order. */
export const resultsOf = ({ results }: Pick<JobRecord, 'results'>): SucceededResult[] =>
  results.filter((result) => result.state === 'succeeded');

/** The same in its report. */
export const targetsOf = ({ targets }: Pick<Report, 'targets'>): SucceededTargetReport[] =>
  targets.filter((target) => target.state === 'succeeded');

/** The error that a result is shown by: of results of older versions that of the whole adapter, all that they have. */
export const shownError = ({
  module_relative_error: mean,
  relative_error: whole,
}: Pick<SucceededResult, 'module_relative_error' | 'relative_error'>): number => mean ?? whole;
