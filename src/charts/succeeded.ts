import type { JobRecord, SucceededResult } from '../contract/job.ts';
import type { Report, SucceededTargetReport } from '../contract/report.ts';

/** What the targets of a job came to that did not fail, in their order. */
export const resultsOf = ({ results }: Pick<JobRecord, 'results'>): SucceededResult[] =>
  results.filter((result) => result.state === 'succeeded');

/** The same in its report. */
export const targetsOf = ({ targets }: Pick<Report, 'targets'>): SucceededTargetReport[] =>
  targets.filter((target) => target.state === 'succeeded');
