import { AppError, type ErrorContext } from '../errors/app-error.ts';

/** A schedule that contradicts itself. */
export const invalid = (message: string, context: ErrorContext): AppError =>
  new AppError('SCHEDULE_INVALID', message, context);
