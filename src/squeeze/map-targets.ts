import { AppError } from '../errors/app-error.ts';

/** The state of a target so far, or its error, after which its later steps are skipped. */
export type OrError<T> = T | AppError;

export const isNotError = <T>(soFar: OrError<T>): soFar is T => !(soFar instanceof AppError);

/**
 * Runs the next step for each target that has not failed, one after another. A permanent failure ends only its
 * target.
 * @throws temporary errors, such as a full disk, and CANCELLED, which are not faults of a target
 */
export async function mapTargets<T, U>(
  targets: readonly OrError<T>[],
  step: (soFar: T, index: number) => U | Promise<U>,
): Promise<OrError<U>[]> {
  const next: OrError<U>[] = [];
  for (const [index, soFar] of targets.entries()) {
    next.push(isNotError(soFar) ? await attempt(() => step(soFar, index)) : soFar);
  }
  return next;
}

async function attempt<U>(step: () => U | Promise<U>): Promise<OrError<U>> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof AppError && !error.retryable && error.code !== 'CANCELLED') return error;
    throw error;
  }
}
