import { AppError, type ErrorContext } from '../errors/app-error.ts';

/** The error for a schedule that contradicts itself. */
export const scheduleInvalid = (message: string, context: ErrorContext): AppError =>
  new AppError('SCHEDULE_INVALID', message, context);
