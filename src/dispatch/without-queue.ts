import { AppError } from '../errors/app-error.ts';

/** Whether something failed because the queue cannot be used or has no room. */
export const isQueueTrouble = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'QUEUE_UNAVAILABLE' || error.code === 'QUEUE_FULL');

/** What the queue answers, or undefined where it cannot, for callers that can do without. */
export async function withoutQueue<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isQueueTrouble(error)) return undefined;
    throw error;
  }
}
