import type { SucceededResult } from '../contract/job.ts';

/** The error that a result is shown by: of results of older versions that of the whole adapter, all that they have. */
export const shownError = ({
  module_relative_error: mean,
  relative_error: whole,
}: Pick<SucceededResult, 'module_relative_error' | 'relative_error'>): number => mean ?? whole;
