import { AppError } from '../errors/app-error.ts';

/** What a target has come to so far, or why it failed: then its later steps are left out. */
export type SoFar<T> = T | AppError;

export const goesOn = <T>(soFar: SoFar<T>): soFar is T => !(soFar instanceof AppError);

/**
 * Does the next step for each target that has not failed, one after the other. A failure for good ends this target alone,
 * and the others go on.
 * @throws what may pass, such as a full disk, and CANCELLED: those are no fault of a target
 */
export async function each<T, U>(
  targets: readonly SoFar<T>[],
  step: (soFar: T, index: number) => U | Promise<U>,
): Promise<SoFar<U>[]> {
  const next: SoFar<U>[] = [];
  for (const [index, soFar] of targets.entries()) {
    next.push(goesOn(soFar) ? await attempt(() => step(soFar, index)) : soFar);
  }
  return next;
}

async function attempt<U>(step: () => U | Promise<U>): Promise<SoFar<U>> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof AppError && !error.retryable && error.code !== 'CANCELLED') return error;
    throw error;
  }
}
