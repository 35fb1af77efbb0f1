import { AppError } from '../errors.ts';

/** What the queue answers; undefined where it cannot be reached, for who can do without. */
export async function withoutQueue<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AppError && error.code === 'QUEUE_UNAVAILABLE') return undefined;
    throw error;
  }
}
